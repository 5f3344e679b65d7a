#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/look.hpp"
#include "os/posix_common.hpp"

namespace tensorhold::os {

bool stands_at(const std::string& path) noexcept {
  return ::faccessat(AT_FDCWD, path.c_str(), F_OK, 0) == 0;
}

bool is_link(const std::string& path) noexcept {
  char first = 0;
  return ::readlink(path.c_str(), &first, 1) >= 0;
}

bool is_trusted(const File& file, const Output& target) noexcept {
  struct ::stat ours {};
  struct ::stat theirs {};
  if (::fstat(static_cast<int>(file.native()), &theirs) != 0 ||
      ::fstat(static_cast<int>(target.native()), &ours) != 0)
    return false;
  return theirs.st_uid == 0 || theirs.st_uid == ours.st_uid || theirs.st_uid == ::geteuid();
}

std::uint64_t birth_mark(const Output& file) noexcept {
  return birth_of(static_cast<int>(file.native()));
}

std::uint64_t birth_of(int descriptor) noexcept {
  const auto mark = [](auto seconds, auto nanoseconds) {
    return static_cast<std::uint64_t>(seconds) * 1'000'000'000U +
           static_cast<std::uint64_t>(nanoseconds);
  };
#if defined(STATX_BTIME)
  struct ::statx found {};
  if (::statx(descriptor, "", AT_EMPTY_PATH, STATX_BTIME, &found) == 0 &&
      (found.stx_mask & STATX_BTIME) != 0)
    return mark(found.stx_btime.tv_sec, found.stx_btime.tv_nsec);
#elif defined(__APPLE__)
  struct ::stat found {};
  if (::fstat(descriptor, &found) == 0)
    return mark(found.st_birthtimespec.tv_sec, found.st_birthtimespec.tv_nsec);
#else
  (void)descriptor;
  (void)mark;
#endif
  return 0;
}

}  // namespace tensorhold::os
