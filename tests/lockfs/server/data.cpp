// Requests that open files and move their bytes.
#include <linux/falloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <thread>

#include "lockfs/server/filesystem.hpp"

namespace tensorhold::lockfs {
namespace {

/// The flags for BACKING. The kernel has done the work of the others by the time it asks: it found
/// the file, computes where an append goes, and bypasses its cache for O_DIRECT.
int backing_flags(int flags) {
  return (flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_DIRECT | O_NOFOLLOW)) | O_CLOEXEC;
}

/// Reads until `size` bytes or the end of the file; -1 with errno.
ssize_t read_all(int file, char* bytes, std::size_t size, off_t offset) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(file, bytes + done, size - done, offset + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(done);
}

/// Zeros in the place of all bytes of the file, whose times stay; EIO, or why not.
int lose(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return errno;
  const std::array<timespec, 2> times{status.st_atim, status.st_mtim};
  if (::ftruncate(file.get(), 0) != 0 || ::ftruncate(file.get(), status.st_size) != 0 ||
      ::futimens(file.get(), times.data()) != 0)
    return errno;
  return EIO;
}

}  // namespace

std::string Filesystem::name_of(const Node& node) const {
  std::array<char, PATH_MAX + 1> path{};
  const ssize_t length = ::readlink(node.link().c_str(), path.data(), path.size() - 1);
  std::string name(path.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  if (name.starts_with(root_path_ + "/")) name.erase(0, root_path_.size() + 1);
  return name;
}

int Filesystem::resize(const Node& node, const Handle* handle, off_t size) const {
  const Switches switches = settings_.now();
  if (switches.no_truncate) return EPERM;
  struct stat status {};
  if (::fstatat(node.path.get(), "", &status, AT_EMPTY_PATH) != 0) return errno;
  const std::uint64_t others = node.opens - (handle != nullptr ? 1 : 0);
  if (switches.sharing && size < status.st_size && is_held(switches, node, others)) return EBUSY;
  const int result = handle != nullptr ? ::ftruncate(handle->file.get(), size)
                                       : ::truncate(node.link().c_str(), size);
  return result == 0 ? 0 : errno;
}

int Filesystem::open_node(const std::shared_ptr<Node>& node, fuse_file_info* info) {
  const Switches switches = settings_.now();
  if (const int error = faults_.interrupt(switches); error != 0) return error;
  const bool held = is_held(switches, *node, node->opens);
  if (switches.deny_write && held && (info->flags & O_ACCMODE) != O_RDONLY) return ETXTBSY;
  auto handle = std::make_shared<Handle>();
  handle->file = Descriptor(::open(node->link().c_str(), backing_flags(info->flags)));
  if (!handle->file) return errno;
  if ((info->flags & O_TRUNC) != 0) {
    if (switches.sharing && held) return EBUSY;
    if (switches.no_truncate) return EPERM;
    if (::ftruncate(handle->file.get(), 0) != 0) return errno;
  }
  handle->counters = stats_.of(name_of(*node));
  handle->node = node;
  info->direct_io = switches.direct() ? 1 : 0;
  info->fh = files_.add(handle);
  ++handle->counters->opens;
  ++handle->counters->held;
  ++node->opens;
  return 0;
}

void Filesystem::drop(std::uint64_t number) {
  const auto handle = files_.find(number);
  if (!handle) return;
  --handle->counters->held;
  if (handle->closed) --handle->counters->closed;
  handle->node->released = std::chrono::steady_clock::now();
  --handle->node->opens;
  files_.remove(number);
}

void Filesystem::create(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode,
                        fuse_file_info* info) {
  const int folder = path_of(parent);
  // Exclusive first, to know whether the file is new: its owner is set, and it has no old bytes.
  const Descriptor made(::openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  int error = made ? give_to_caller(req, folder, name) : errno;
  if (error == EEXIST && (info->flags & O_EXCL) == 0) error = 0;
  if (made) info->flags &= ~O_TRUNC;
  fuse_entry_param entry{};
  if (error == 0) error = enter(folder, name, entry);
  if (error != 0) {
    fuse_reply_err(req, error);
    return;
  }
  error = open_node(nodes_.find(entry.ino), info);
  if (error != 0) {
    nodes_.forget(entry.ino, 1);
    if (made) (void)::unlinkat(folder, name, 0);
    fuse_reply_err(req, error);
  } else if (fuse_reply_create(req, &entry, info) != 0) {
    drop(info->fh);
    nodes_.forget(entry.ino, 1);
  }
}

void Filesystem::open(fuse_req_t req, fuse_ino_t id, fuse_file_info* info) {
  if (is_own_file(id)) {
    open_own_file(req, id, info);
    return;
  }
  const auto node = nodes_.find(id);
  const int error = node ? open_node(node, info) : ENOENT;
  if (error != 0) {
    fuse_reply_err(req, error);
  } else if (fuse_reply_open(req, info) != 0) {  // the caller was interrupted: no release will come
    drop(info->fh);
  }
}

void Filesystem::flush(fuse_req_t req, fuse_ino_t id, fuse_file_info* info) {
  const auto handle = is_own_file(id) ? nullptr : files_.find(info->fh);
  if (handle && !handle->closed) {
    handle->closed = true;
    ++handle->counters->closed;
  }
  fuse_reply_err(req, handle && settings_.now().eio_close ? EIO : 0);
}

void Filesystem::release(fuse_req_t req, fuse_ino_t id, fuse_file_info* info) {
  if (is_own_file(id)) {
    texts_.remove(info->fh);
  } else {
    drop(info->fh);
  }
  fuse_reply_err(req, 0);
}

void Filesystem::read(fuse_req_t req, fuse_ino_t id, std::size_t size, off_t offset,
                      fuse_file_info* info) {
  if (is_own_file(id)) {
    read_own_file(req, size, offset, info);
    return;
  }
  const auto handle = files_.find(info->fh);
  if (!handle) {
    fuse_reply_err(req, EBADF);
    return;
  }
  readers_->give([this, req, handle, size, offset] {
    try {
      answer_read(req, *handle, size, offset);
    } catch (const std::bad_alloc&) {
      fuse_reply_err(req, ENOMEM);
    }
  });
}

void Filesystem::pause() const {
  constexpr auto slice = std::chrono::microseconds(500);
  const auto begin = std::chrono::steady_clock::now();
  while (!finishing_) {
    const auto whole = std::chrono::microseconds(settings_.now().latency_us.value_or(0));
    const auto left = whole - (std::chrono::steady_clock::now() - begin);
    if (left <= left.zero()) return;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, slice));
  }
}

void Filesystem::answer_read(fuse_req_t req, const Handle& handle, std::size_t size, off_t offset) {
  const Switches switches = settings_.now();
  ++handle.counters->reads;
  pause();
  const int interrupted = faults_.interrupt(switches);
  const Verdict verdict = faults_.read(switches, static_cast<std::uint64_t>(offset), size);
  if (interrupted != 0 || verdict.error != 0) {
    fuse_reply_err(req, interrupted != 0 ? interrupted : verdict.error);
    return;
  }
  std::vector<char> bytes(verdict.size);
  const ssize_t got = read_all(handle.file.get(), bytes.data(), bytes.size(), offset);
  if (got < 0) {
    fuse_reply_err(req, errno);
    return;
  }
  handle.counters->bytes_read += static_cast<std::uint64_t>(got);
  fuse_reply_buf(req, bytes.data(), static_cast<std::size_t>(got));
}

void Filesystem::write(fuse_req_t req, fuse_ino_t id, const char* bytes, std::size_t size,
                       off_t offset, fuse_file_info* info) {
  if (is_own_file(id)) {
    write_own_file(req, id, bytes, size);
    return;
  }
  const auto handle = files_.find(info->fh);
  const Switches switches = settings_.now();
  int error = handle ? faults_.interrupt(switches) : EBADF;
  if (error != 0) {
    fuse_reply_err(req, error);
    return;
  }
  ++handle->counters->writes;
  const Verdict verdict = faults_.write(switches, static_cast<std::uint64_t>(offset), size);
  if (verdict.error != 0) {
    fuse_reply_err(req, verdict.error);
    return;
  }
  ssize_t put = 0;
  do {
    put = ::pwrite(handle->file.get(), bytes, verdict.size, offset);
  } while (put < 0 && errno == EINTR);
  error = errno;
  faults_.give_back(verdict.size - static_cast<std::size_t>(std::max<ssize_t>(put, 0)));
  if (put < 0) {
    fuse_reply_err(req, error);
    return;
  }
  handle->counters->bytes_written += static_cast<std::uint64_t>(put);
  fuse_reply_write(req, static_cast<std::size_t>(put));
}

void Filesystem::fsync(fuse_req_t req, fuse_ino_t /*id*/, int data_only, fuse_file_info* info) {
  const auto handle = files_.find(info->fh);
  const Switches switches = settings_.now();
  int error = handle ? faults_.interrupt(switches) : EBADF;
  if (switches.eio_fsync) error = EIO;
  if (error == 0 && switches.fsync_loses && !handle->node->lost.exchange(true))
    error = lose(handle->node->link());
  if (switches.no_fsync) error = EINVAL;
  if (error == 0) {
    const int file = handle->file.get();
    if ((data_only != 0 ? ::fdatasync(file) : ::fsync(file)) != 0) error = errno;
  }
  fuse_reply_err(req, error);
}

void Filesystem::fallocate(fuse_req_t req, fuse_ino_t /*id*/, int mode, off_t offset, off_t size,
                           fuse_file_info* info) {
  const auto handle = files_.find(info->fh);
  const Switches switches = settings_.now();
  const bool reserves = (mode & ~FALLOC_FL_KEEP_SIZE) == 0;
  int error = handle ? 0 : EBADF;
  if (switches.no_preallocate) error = EOPNOTSUPP;
  if (error == 0 && reserves) error = faults_.reserve(switches, static_cast<std::uint64_t>(size));
  if (error == 0 && ::fallocate(handle->file.get(), mode, offset, size) != 0) error = errno;
  fuse_reply_err(req, error);
}

}  // namespace tensorhold::lockfs
