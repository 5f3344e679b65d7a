// Requests that look up, make, rename and remove names.
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>

#include "lockfs/server/filesystem.hpp"

namespace tensorhold::lockfs {

int Filesystem::path_of(fuse_ino_t id) const {
  const auto node = nodes_.find(id);
  return node ? node->path.get() : -1;
}

int Filesystem::enter(int parent, const char* name, fuse_entry_param& entry) {
  Descriptor descriptor(::openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!descriptor) return errno;
  if (::fstatat(descriptor.get(), "", &entry.attr, AT_EMPTY_PATH) != 0) return errno;
  entry.ino = nodes_.enter(std::move(descriptor), entry.attr);
  return 0;
}

int Filesystem::give_to_caller(fuse_req_t req, int parent, const char* name) {
  if (::geteuid() != 0) return 0;
  const fuse_ctx* caller = fuse_req_ctx(req);
  return ::fchownat(parent, name, caller->uid, caller->gid, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
}

void Filesystem::reply_entry(fuse_req_t req, fuse_ino_t parent, const char* name) {
  fuse_entry_param entry{};
  const int error = enter(path_of(parent), name, entry);
  if (error != 0) {
    fuse_reply_err(req, error);
  } else if (fuse_reply_entry(req, &entry) != 0) {
    nodes_.forget(entry.ino, 1);  // the kernel never heard of it
  }
}

void Filesystem::reply_made(fuse_req_t req, int result, fuse_ino_t parent, const char* name) {
  const int error = result != 0 ? errno : give_to_caller(req, path_of(parent), name);
  if (error != 0) {
    fuse_reply_err(req, error);
  } else {
    reply_entry(req, parent, name);
  }
}

bool Filesystem::is_scanned(const Switches& switches, const Node& node) {
  const std::chrono::steady_clock::time_point released = node.released;
  return switches.scanner_us && released != std::chrono::steady_clock::time_point::min() &&
         std::chrono::steady_clock::now() - released <
             std::chrono::microseconds(*switches.scanner_us);
}

bool Filesystem::is_held(const Switches& switches, const Node& node, std::uint64_t others) {
  return others > 0 || is_scanned(switches, node);
}

bool Filesystem::keeps_name(const Switches& switches, int parent, const char* name) const {
  struct stat status {};
  if (!switches.sharing || ::fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  const auto node = nodes_.find(status);
  return node && is_held(switches, *node, node->opens);
}

bool Filesystem::keeps_place(const Switches& switches, int parent, const char* name) const {
  struct stat status {};
  if (!switches.scanner_us || ::fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
    return false;
  const auto node = nodes_.find(status);
  return node && is_scanned(switches, *node);
}

void Filesystem::lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  if (const fuse_ino_t own = own_file(parent, name); own != 0) {
    fuse_entry_param entry{};
    entry.ino = own;
    entry.attr = own_file_status(own);
    fuse_reply_entry(req, &entry);
    return;
  }
  reply_entry(req, parent, name);
}

void Filesystem::forget(fuse_req_t req, fuse_ino_t id, std::uint64_t lookups) {
  nodes_.forget(id, lookups);
  fuse_reply_none(req);
}

void Filesystem::mknod(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode,
                       dev_t device) {
  reply_made(req, ::mknodat(path_of(parent), name, mode, device), parent, name);
}

void Filesystem::mkdir(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode) {
  reply_made(req, ::mkdirat(path_of(parent), name, mode), parent, name);
}

void Filesystem::symlink(fuse_req_t req, const char* target, fuse_ino_t parent, const char* name) {
  reply_made(req, ::symlinkat(target, path_of(parent), name), parent, name);
}

void Filesystem::link(fuse_req_t req, fuse_ino_t id, fuse_ino_t parent, const char* name) {
  const auto node = nodes_.find(id);
  if (!node) {
    fuse_reply_err(req, EPERM);
  } else if (::linkat(AT_FDCWD, node->link().c_str(), path_of(parent), name, AT_SYMLINK_FOLLOW) !=
             0) {
    fuse_reply_err(req, errno);
  } else {
    reply_entry(req, parent, name);
  }
}

void Filesystem::unlink(fuse_req_t req, fuse_ino_t parent, const char* name) {
  const int folder = path_of(parent);
  if (keeps_name(settings_.now(), folder, name)) {
    fuse_reply_err(req, EACCES);
  } else {
    fuse_reply_err(req, ::unlinkat(folder, name, 0) == 0 ? 0 : errno);
  }
}

void Filesystem::rmdir(fuse_req_t req, fuse_ino_t parent, const char* name) {
  fuse_reply_err(req, ::unlinkat(path_of(parent), name, AT_REMOVEDIR) == 0 ? 0 : errno);
}

void Filesystem::rename(fuse_req_t req, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
                        const char* new_name, unsigned flags) {
  const Switches switches = settings_.now();
  if (switches.no_rename) {
    fuse_reply_err(req, EPERM);
    return;
  }
  const int from = path_of(parent);
  const int to = path_of(new_parent);
  const bool exchanges = (flags & RENAME_EXCHANGE) != 0;
  if (keeps_place(switches, from, name) || keeps_name(switches, to, new_name) ||
      (exchanges && keeps_name(switches, from, name))) {
    fuse_reply_err(req, EACCES);
    return;
  }
  fuse_reply_err(req, ::renameat2(from, name, to, new_name, flags) == 0 ? 0 : errno);
}

void Filesystem::readlink(fuse_req_t req, fuse_ino_t id) {
  std::array<char, PATH_MAX + 1> target{};
  const ssize_t length = ::readlinkat(path_of(id), "", target.data(), target.size() - 1);
  if (length < 0) {
    fuse_reply_err(req, errno);
  } else {
    fuse_reply_readlink(req, target.data());
  }
}

}  // namespace tensorhold::lockfs
