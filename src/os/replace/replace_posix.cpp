#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "os/error/error_posix.hpp"
#include "os/file/descriptor_posix.hpp"
#include "os/replace/names_posix.hpp"
#include "os/replace/replace.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {

bool replace_file(const std::string& from, const Place& place) {
  require_path(from);
  struct ::stat status {};
  if (::lstat(from.c_str(), &status) != 0) raise_system(errno, "look at the new file", from);
  if (S_ISDIR(status.st_mode)) raise_system(EISDIR, "move the new file", from);
  if (::renameat(AT_FDCWD, from.c_str(), static_cast<int>(place.native()), place.name().c_str()) ==
      0)
    return true;
  const int error = errno;
  if (error == EXDEV) return false;
  if (error == ENOTEMPTY || error == EEXIST)
    raise_system(EISDIR, "put the new file in place", place.path());
  refuse_mount_point(error, "move the new file", Place::of(from, /*follow_symlink=*/false));
  raise_change(error, "put the new file in place", place);
}

bool sync_file(const std::string& path) {
  const File file = File::open_read(path);
  while (::fsync(static_cast<int>(file.native())) != 0) {
    if (errno == EINTR) continue;
    if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) return false;
    raise_system(errno, "sync the new file", path);
  }
  return true;
}

}  // namespace tensorhold::os
