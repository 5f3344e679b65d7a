#include <string>
#include <utility>

#include "base/boundary.hpp"
#include "hold/release.hpp"
#include "hold/source/registry.hpp"
#include "in_use/own_holds.hpp"
#include "os/replace/place.hpp"
#include "os/replace/remove.hpp"
#include "recover/journal_recovery.hpp"
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
    // Scanners are waited for once it is known that it is not this process that holds.
    if (io::change_held(
            path, [&] { os::remove_file(path, std::exchange(patience, os::Patience::scanner)); }))
      changed.released = true;
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
    // Before the name is gone: a release may be refused, and then nothing is to change. Where
    // nothing stands, that is the error.
    if (options.reclaim_space && os::Place::of(path.string(), /*follow_symlink=*/false).status()) {
      const auto sources = hold::sources_of(path.string());
      (void)hold::release(sources, {});
      changed.released = !sources.empty();
    }
    const os::Place place = os::Place::of(path.string(), /*follow_symlink=*/false);
    const io::OldJournal journal(place);
    remove_held(path.string(), changed);
    journal.drop();
    return changed;
  });
}

}  // namespace v0
}  // namespace tensorhold
