#include "os/linux_filesystem.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <cstdint>

namespace tensorhold::os {

namespace {

/// Which filesystem; 0 when the system does not tell.
unsigned long filesystem_of(const File& file) noexcept {
  struct ::statfs about {};
  if (::fstatfs(static_cast<int>(file.native()), &about) != 0) return 0;
  // Some of the numbers have the highest bit of an int set.
  return static_cast<std::uint32_t>(about.f_type);
}

}  // namespace

bool maps_slowly(const File& file) noexcept {
  switch (filesystem_of(file)) {
    case FUSE_SUPER_MAGIC:
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case V9FS_MAGIC:
    case CEPH_SUPER_MAGIC:
    case AFS_SUPER_MAGIC:
    case 0x0BD0'0BD0:  // Lustre, which the kernel's headers do not name
      return true;
    default:
      return false;
  }
}

bool reads_what_mappings_show(const File& file) noexcept {
  switch (filesystem_of(file)) {
    case EXT4_SUPER_MAGIC:  // ext2 and ext3 too
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case TMPFS_MAGIC:
    case F2FS_SUPER_MAGIC:
      return true;
    default:
      return false;
  }
}

}  // namespace tensorhold::os
