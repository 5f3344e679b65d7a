#include "os/linux_coherent.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>

namespace tensorhold::os {

bool reads_what_mappings_show(const File& file) noexcept {
  struct ::statfs about {};
  if (::fstatfs(static_cast<int>(file.native()), &about) != 0) return false;
  switch (static_cast<unsigned long>(about.f_type)) {
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
