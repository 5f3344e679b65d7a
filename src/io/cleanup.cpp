#include "io/cleanup.hpp"

#include <array>
#include <atomic>
#include <exception>
#include <functional>
#include <optional>

#include "base/log.hpp"

namespace tensorhold::io {
namespace {

/// True the first time that a process asks for these, of the last few that it asked for.
bool is_news(const std::string& path, const os::FileStatus& folder) {
  static std::array<std::atomic<std::uint64_t>, 64> seen{};
  constexpr std::uint64_t mix = 0x9E37'79B9'7F4A'7C15U;
  std::uint64_t hash = std::hash<std::string>{}(path);
  for (const std::uint64_t part : {folder.identity.file, folder.identity.device,
                                   static_cast<std::uint64_t>(folder.modified_ns)})
    hash = (hash ^ part) * mix;
  return seen[hash >> 58U].exchange(hash) != hash;
}

}  // namespace

void remove_stale_at_open(const hold::Source& opened) noexcept {
  try {
    const std::string& path = opened.absolute_path();
    const std::optional<os::FileStatus> folder = os::status_at(path.substr(0, path.rfind('/') + 1));
    // Whoever put a temporary there changed the folder.
    if (!folder || folder->modified_ns < opened.status().changed_ns || !is_news(path, *folder))
      return;
    (void)remove_stale_temporaries(opened.path());
  } catch (const std::exception&) {
    return;  // the file is open, which is what counts
  }
}

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
