#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/file/descriptor_posix.hpp"
#include "os/file/file_info.hpp"

namespace tensorhold::os {
namespace {

/// Unsigned, because a foreign filesystem may hold any number of seconds.
template <typename Seconds, typename Nanoseconds>
std::uint64_t mark_of(Seconds seconds, Nanoseconds nanoseconds) noexcept {
  return static_cast<std::uint64_t>(seconds) * 1'000'000'000U +
         static_cast<std::uint64_t>(nanoseconds);
}

}  // namespace

bool stands_at(const std::string& path) noexcept {
  return ::faccessat(AT_FDCWD, path.c_str(), F_OK, 0) == 0 || errno == ENAMETOOLONG;
}

bool is_link(const std::string& path) noexcept {
  char first = 0;
  return ::readlink(path.c_str(), &first, 1) >= 0;
}

std::uint64_t birth_mark(std::intptr_t handle) noexcept {
  const auto descriptor = static_cast<int>(handle);
#if defined(STATX_BTIME)
  struct ::statx found {};
  if (::statx(descriptor, "", AT_EMPTY_PATH, STATX_BTIME, &found) == 0 &&
      (found.stx_mask & STATX_BTIME) != 0)
    return mark_of(found.stx_btime.tv_sec, found.stx_btime.tv_nsec);
#elif defined(__APPLE__)
  struct ::stat found {};
  if (::fstat(descriptor, &found) == 0)
    return mark_of(found.st_birthtimespec.tv_sec, found.st_birthtimespec.tv_nsec);
#else
  (void)descriptor;
#endif
  return 0;
}

const bool writes_set_times = true;

bool is_as_written(std::intptr_t handle, const FileStatus& before) noexcept {
  const auto descriptor = static_cast<int>(handle);
#if defined(STATX_BTIME)
  struct ::statx found {};
  if (::statx(descriptor, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &found) == 0)
    return found.stx_size == before.size &&
           mark_of(found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec) ==
               static_cast<std::uint64_t>(before.modified_ns);
#endif
  struct ::stat plain {};
  if (::fstat(descriptor, &plain) != 0) return false;
  const FileStatus after = to_status(plain);
  return after.size == before.size && after.modified_ns == before.modified_ns;
}

bool is_no_failure(int os_error) noexcept { return is_missing_call(os_error); }

}  // namespace tensorhold::os
