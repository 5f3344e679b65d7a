#include <string>

#include "base/boundary.hpp"
#include "hold/registry.hpp"
#include "hold/release.hpp"
#include "io/own_holds.hpp"
#include "os/remove.hpp"
#include "tensorhold/hold.hpp"

namespace tensorhold {
inline namespace v0 {
namespace {

// Where even that is refused, the first refusal says why.
bool try_move_aside(const std::string& path, Changed& changed) {
  try {
    changed.moved_to = os::move_aside(path);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// Removing, in the order of what it costs those who hold the file.
void remove_held(const std::string& path, Changed& changed) {
  bool again = false;
  try {
    changed.released = io::change_held(path, [&] {
      os::remove_file(path, again ? os::Patience::scanner : os::Patience::none);
      again = true;
    });
  } catch (const Error& error) {
    const bool held =
        error.code() == Code::file_in_use || error.code() == Code::release_unsupported;
    if (!held || !try_move_aside(path, changed)) throw;
  }
}

}  // namespace

Changed remove(const Path& path, const RemoveOptions& options) {
  return base::raising("removing a file", [&] {
    Changed changed;
    // Looked up before the name is gone; released after, when nothing can be refused any more.
    const auto sources = hold::sources_of(path.string());
    remove_held(path.string(), changed);
    if (options.reclaim_space && !sources.empty()) {
      (void)hold::release(sources, {});
      changed.released = true;
    }
    return changed;
  });
}

}  // namespace v0
}  // namespace tensorhold
