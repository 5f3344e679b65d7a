#include "recover/leftovers.hpp"

#include <exception>

#include "base/log.hpp"
#include "os/file/file_info.hpp"
#include "os/leftovers/seen_folders.hpp"

namespace tensorhold::io {

void remove_stale_temporaries(const os::Place& place) noexcept {
  try {
    if (!os::is_first_look(place.folder())) return;
    const std::size_t removed = place.remove_stale();
    if (removed == 0 || !base::log_enabled()) return;
    base::log(place.path() + ": removed " + std::to_string(removed) +
              " temporary file(s) from its folder that killed saves left behind");
  } catch (const std::exception&) {
    return;  // no such folder, or no memory for the line
  }
}

void remove_stale_temporaries(const std::string& path) noexcept {
  try {
    remove_stale_temporaries(os::Place::of(path, /*follow_symlink=*/false));
    if (os::is_link(path)) remove_stale_temporaries(os::Place::of(path, /*follow_symlink=*/true));
  } catch (const std::exception&) {
    return;  // no such folder, or no right to it: nothing of ours to clean there
  }
}

}  // namespace tensorhold::io
