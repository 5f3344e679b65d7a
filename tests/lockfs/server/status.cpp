// Requests about attributes, folders and the filesystem as a whole.
#include <dirent.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <array>
#include <cerrno>
#include <ctime>

#include "lockfs/server/filesystem.hpp"

namespace tensorhold::lockfs {
namespace {

/// Reads all names anew. An errno, or 0.
int list(FolderHandle& handle) {
  handle.entries.clear();
  // A descriptor of its own, because closedir() closes it and reading moves its position.
  const int own = ::openat(handle.folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return errno;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(own), &::closedir);
  if (!folder) {
    const int error = errno;
    (void)::close(own);
    return error;
  }
  errno = 0;
  while (const dirent* entry = ::readdir(folder.get()))
    handle.entries.push_back(
        {entry->d_name, entry->d_ino, static_cast<mode_t>(DTTOIF(entry->d_type))});
  return errno;
}

timespec asked(const timespec& given, int which, int set, int set_now) {
  if ((which & set_now) != 0) return {.tv_sec = 0, .tv_nsec = UTIME_NOW};
  if ((which & set) != 0) return given;
  return {.tv_sec = 0, .tv_nsec = UTIME_OMIT};
}

constexpr int kOwner = FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID;
constexpr int kTimes =
    FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW;
constexpr int kOwnerModeTimes = kOwner | FUSE_SET_ATTR_MODE | kTimes;

/// Owner, mode and times, as far as asked for. An errno, or 0.
int change(const Node& node, const struct stat& status, int which) {
  const std::string link = node.link();
  if ((which & kOwner) != 0) {
    const uid_t user = (which & FUSE_SET_ATTR_UID) != 0 ? status.st_uid : static_cast<uid_t>(-1);
    const gid_t group = (which & FUSE_SET_ATTR_GID) != 0 ? status.st_gid : static_cast<gid_t>(-1);
    if (::fchownat(node.path.get(), "", user, group, AT_EMPTY_PATH) != 0) return errno;
  }
  if ((which & FUSE_SET_ATTR_MODE) != 0 && ::chmod(link.c_str(), status.st_mode) != 0) return errno;
  if ((which & kTimes) != 0) {
    const std::array<timespec, 2> both{
        asked(status.st_atim, which, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW),
        asked(status.st_mtim, which, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW)};
    if (::utimensat(AT_FDCWD, link.c_str(), both.data(), 0) != 0) return errno;
  }
  return 0;
}

}  // namespace

void Filesystem::init(fuse_conn_info* connection) {
  // A release is a background request: it must never queue behind reads ahead, or a name would
  // still count as held after its last munmap returned.
  connection->max_background = 32767;
  connection->congestion_threshold = 32767;
}

void Filesystem::getattr(fuse_req_t req, fuse_ino_t id, fuse_file_info* /*info*/) {
  struct stat status {};
  if (is_own_file(id)) {
    status = own_file_status(id);
  } else if (::fstatat(path_of(id), "", &status, AT_EMPTY_PATH) != 0) {
    fuse_reply_err(req, errno);
    return;
  }
  fuse_reply_attr(req, &status, 0);
}

void Filesystem::setattr(fuse_req_t req, fuse_ino_t id, struct stat* status, int which,
                         fuse_file_info* info) {
  const auto node = nodes_.find(id);
  int error = node ? 0 : EPERM;
  if (error == 0 && (which & FUSE_SET_ATTR_SIZE) != 0)
    error = resize(*node, info != nullptr ? files_.find(info->fh).get() : nullptr, status->st_size);
  if (error == 0 && (which & kOwnerModeTimes) != 0)
    error = settings_.now().no_attributes ? EPERM : change(*node, *status, which);
  if (error != 0) {
    fuse_reply_err(req, error);
  } else {
    getattr(req, id, info);
  }
}

void Filesystem::statfs(fuse_req_t req, fuse_ino_t id) {
  struct statvfs status {};
  if (::fstatvfs(path_of(is_own_file(id) ? Nodes::kRoot : id), &status) != 0) {
    fuse_reply_err(req, errno);
  } else {
    fuse_reply_statfs(req, &status);
  }
}

void Filesystem::opendir(fuse_req_t req, fuse_ino_t id, fuse_file_info* info) {
  const auto handle = std::make_shared<FolderHandle>();
  handle->folder = Descriptor(::openat(path_of(id), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle->folder) {
    fuse_reply_err(req, errno);
    return;
  }
  info->fh = folders_.add(handle);
  if (fuse_reply_open(req, info) != 0) folders_.remove(info->fh);
}

void Filesystem::readdir(fuse_req_t req, fuse_ino_t /*id*/, std::size_t size, off_t offset,
                         fuse_file_info* info) {
  const auto found = folders_.find(info->fh);
  int error = found ? 0 : EBADF;
  if (error == 0 && offset == 0) error = list(*found);
  if (error != 0) {
    fuse_reply_err(req, error);
    return;
  }
  const FolderHandle& handle = *found;
  std::vector<char> answer(size);
  std::size_t used = 0;
  for (auto index = static_cast<std::size_t>(offset); index < handle.entries.size(); ++index) {
    const FolderHandle::Entry& entry = handle.entries[index];
    struct stat status {};
    status.st_ino = entry.inode;
    status.st_mode = entry.type;
    const std::size_t needed =
        fuse_add_direntry(req, answer.data() + used, answer.size() - used, entry.name.c_str(),
                          &status, static_cast<off_t>(index + 1));
    if (needed > answer.size() - used) break;
    used += needed;
  }
  fuse_reply_buf(req, answer.data(), used);
}

void Filesystem::releasedir(fuse_req_t req, fuse_ino_t /*id*/, fuse_file_info* info) {
  folders_.remove(info->fh);
  fuse_reply_err(req, 0);
}

void Filesystem::fsyncdir(fuse_req_t req, fuse_ino_t /*id*/, int /*data_only*/,
                          fuse_file_info* info) {
  const Switches switches = settings_.now();
  const auto handle = folders_.find(info->fh);
  int error = handle ? 0 : EBADF;
  if (switches.eio_fsyncdir) error = EIO;
  if (switches.no_fsync) error = EINVAL;
  if (error == 0 && ::fsync(handle->folder.get()) != 0) error = errno;
  fuse_reply_err(req, error);
}

}  // namespace tensorhold::lockfs
