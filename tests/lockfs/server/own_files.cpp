// The files of lockfs itself: .lockfs-stats and .lockfs-control.
#include <algorithm>
#include <cerrno>
#include <string_view>

#include "lockfs/server/filesystem.hpp"

namespace tensorhold::lockfs {

fuse_ino_t Filesystem::own_file(fuse_ino_t parent, const char* name) {
  const std::string_view text(name);
  if (parent != Nodes::kRoot) return 0;
  if (text == ".lockfs-stats") return Nodes::kStats;
  return text == ".lockfs-control" ? Nodes::kControl : 0;
}

struct stat Filesystem::own_file_status(fuse_ino_t id) {
  struct stat status {};
  status.st_ino = ~ino_t{0} - id;
  status.st_mode = S_IFREG | 0666;
  status.st_nlink = 1;
  return status;
}

void Filesystem::open_own_file(fuse_req_t req, fuse_ino_t id, fuse_file_info* info) {
  if (id == Nodes::kStats && (info->flags & O_TRUNC) != 0) stats_.reset();
  info->direct_io = 1;  // its size is not known before it is read
  info->fh = texts_.add(std::make_shared<const std::string>(
      id == Nodes::kStats ? stats_.json() : settings_.now().text()));
  if (fuse_reply_open(req, info) != 0) texts_.remove(info->fh);
}

void Filesystem::read_own_file(fuse_req_t req, std::size_t size, off_t offset,
                               const fuse_file_info* info) {
  const auto text = texts_.find(info->fh);
  if (!text) {
    fuse_reply_err(req, EBADF);
    return;
  }
  const std::size_t from = std::min(static_cast<std::size_t>(offset), text->size());
  fuse_reply_buf(req, text->data() + from, std::min(size, text->size() - from));
}

void Filesystem::write_own_file(fuse_req_t req, fuse_ino_t id, const char* bytes,
                                std::size_t size) {
  if (id != Nodes::kControl) {
    fuse_reply_err(req, EPERM);
  } else if (!settings_.change({bytes, size})) {
    fuse_reply_err(req, EINVAL);
  } else {
    if (std::string_view(bytes, size).find("enospc-after") != std::string_view::npos)
      faults_.count_anew();
    fuse_reply_write(req, size);
  }
}

}  // namespace tensorhold::lockfs
