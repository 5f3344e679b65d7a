#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/look.hpp"

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

}  // namespace tensorhold::os
