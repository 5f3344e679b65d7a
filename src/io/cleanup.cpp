#include "io/cleanup.hpp"

#include <exception>

#include "base/log.hpp"

namespace tensorhold::io {

std::size_t remove_stale_temporaries(const os::Place& place) noexcept {
  const std::size_t removed = place.remove_stale();
  if (removed == 0 || !base::log_enabled()) return removed;
  try {
    base::log(place.path() + ": removed " + std::to_string(removed) +
              " temporary file(s) that a killed save left behind");
  } catch (const std::exception&) {
    return removed;  // no memory for the line: the files are gone all the same
  }
  return removed;
}

std::size_t remove_stale_temporaries(const std::string& path) noexcept {
  try {
    const os::Place named = os::Place::of(path, /*follow_symlink=*/false);
    std::size_t removed = remove_stale_temporaries(named);
    const os::Place target = os::Place::of(path, /*follow_symlink=*/true);
    if (target.path() != named.path()) removed += remove_stale_temporaries(target);
    return removed;
  } catch (const std::exception&) {
    return 0;  // no such folder, or no right to it: nothing of ours to clean there
  }
}

}  // namespace tensorhold::io
