#include <linux/magic.h>
#include <sys/vfs.h>

#include <cstdint>

#include "os/file/file.hpp"
#include "os/file/filesystem.hpp"

namespace tensorhold::os {

namespace {

/// Which filesystem; 0 when the system does not tell.
std::uint32_t magic_of(const File& file) noexcept {
  struct ::statfs about {};
  if (::fstatfs(static_cast<int>(file.native()), &about) != 0) return 0;
  // Some of the numbers have the highest bit of an int set.
  return static_cast<std::uint32_t>(about.f_type);
}

struct Known {
  std::uint32_t magic;
  Filesystem filesystem;
};

// statfs(2) tells a number. Those that the kernel's headers do not name are as their own sources
// have them. What is not here is taken to be local.
constexpr Known known[] = {
    {EXT4_SUPER_MAGIC, {Storage::local, "ext4"}},  // ext2 and ext3 too
    {XFS_SUPER_MAGIC, {Storage::local, "xfs"}},
    {BTRFS_SUPER_MAGIC, {Storage::local, "btrfs"}},
    {F2FS_SUPER_MAGIC, {Storage::local, "f2fs"}},
    {0x2FC1'2FC1, {Storage::local, "zfs"}},
    {TMPFS_MAGIC, {Storage::local, "tmpfs"}},
    {RAMFS_MAGIC, {Storage::local, "ramfs"}},
    {OVERLAYFS_SUPER_MAGIC, {Storage::local, "overlayfs"}},
    {SQUASHFS_MAGIC, {Storage::local, "squashfs"}},
    {MSDOS_SUPER_MAGIC, {Storage::local, "FAT"}},
    {0x2011'BAB0, {Storage::local, "exFAT"}},
    {0x5346'544E, {Storage::local, "NTFS"}},
    {FUSE_SUPER_MAGIC, {Storage::process, "FUSE"}},
    {NFS_SUPER_MAGIC, {Storage::network, "NFS"}},
    {SMB_SUPER_MAGIC, {Storage::network, "SMB"}},
    {CIFS_SUPER_MAGIC, {Storage::network, "SMB"}},
    {SMB2_SUPER_MAGIC, {Storage::network, "SMB"}},
    {V9FS_MAGIC, {Storage::network, "9p"}},
    {CEPH_SUPER_MAGIC, {Storage::network, "Ceph"}},
    {AFS_SUPER_MAGIC, {Storage::network, "AFS"}},
    {CODA_SUPER_MAGIC, {Storage::network, "Coda"}},
    {0x0BD0'0BD0, {Storage::network, "Lustre"}},
    {0x4750'4653, {Storage::network, "GPFS"}},
    {0x1983'0326, {Storage::network, "BeeGFS"}},
    {0x2003'0528, {Storage::network, "OrangeFS"}},
    {0x786F'4256, {Storage::network, "a folder shared with a virtual machine"}},
};

}  // namespace

Filesystem filesystem_of(const File& file) noexcept {
  const std::uint32_t magic = magic_of(file);
  for (const Known& one : known)
    if (one.magic == magic) return one.filesystem;
  return {};
}

bool reads_what_mappings_show(const File& file) noexcept {
  switch (magic_of(file)) {
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
