#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "os/output/direct_posix.hpp"

namespace tensorhold::os {
namespace {

/// True on local disks, and for reads on FUSE, which then gets a whole read's requests at once and
/// copies its bytes once less. On tmpfs there is nothing to win; over a network, and for writes to
/// FUSE, the page cache gathers what would be a request each.
bool is_faster(int descriptor, int mode) noexcept {
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
    case FUSE_SUPER_MAGIC:
      return mode == O_RDONLY;
    default:
      return false;
  }
}

}  // namespace

int open_past_page_cache(int descriptor, int mode) noexcept {
  if (!is_faster(descriptor, mode)) return -1;
  // Opened by its descriptor: whatever name the file has by now, it is this one.
  std::string own = "/proc/self/fd/";
  own += std::to_string(descriptor);
  return ::open(own.c_str(), mode | O_DIRECT | O_CLOEXEC | O_NOCTTY);
}

}  // namespace tensorhold::os
