#include <string>
#include <utility>

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
  os::Patience patience = os::Patience::none;
  try {
    changed.released = io::change_held(path, [&] {
      // Scanners are waited for once it is known that it is not this process that holds.
      os::remove_file(path, std::exchange(patience, os::Patience::scanner));
    });
  } catch (const Error& error) {
    const bool held =
        error.code() == Code::file_in_use || error.code() == Code::memory_limit ||
        error.code() == Code::out_of_memory || error.code() == Code::release_unsupported ||
        error.code() == Code::release_refused || error.code() == Code::release_partial;
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
