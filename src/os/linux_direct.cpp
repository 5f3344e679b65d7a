#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "os/posix_direct.hpp"

namespace tensorhold::os {
namespace {

/// Filesystems on local disks. On tmpfs there is nothing to win, and over a network or FUSE the
/// page cache gathers what would be a request each.
bool is_on_local_disk(int descriptor) noexcept {
  struct ::statfs about {};
  if (::fstatfs(descriptor, &about) != 0) return false;
  // Some of the numbers have the highest bit of an int set.
  switch (static_cast<std::uint32_t>(about.f_type)) {
    case EXT4_SUPER_MAGIC:  // ext2 and ext3 too
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case OVERLAYFS_SUPER_MAGIC:  // asks the filesystem below
      return true;
    default:
      return false;
  }
}

}  // namespace

int open_past_page_cache(int descriptor, int mode) noexcept {
  if (!is_on_local_disk(descriptor)) return -1;
  // Opened by its descriptor: whatever name the file has by now, it is this one.
  std::string own = "/proc/self/fd/";
  own += std::to_string(descriptor);
  return ::open(own.c_str(), mode | O_DIRECT | O_CLOEXEC | O_NOCTTY);
}

}  // namespace tensorhold::os
