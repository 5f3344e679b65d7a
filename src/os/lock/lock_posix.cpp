#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/error/error_posix.hpp"
#include "os/file/descriptor_posix.hpp"
#include "os/lock/lock.hpp"
#include "os/lock/lock_wait.hpp"
#include "os/process/process.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

int open_for(const std::string& path, LockMode mode) {
  // The system takes exclusive locks only through handles that may write.
  const int file = open_descriptor(path, mode == LockMode::exclusive ? O_RDWR : O_RDONLY);
  if (file < 0) raise_system(errno, "open the file to lock it", path);
  return file;
}

#ifdef F_OFD_SETLK
int set_lock(int file, short type, std::uint64_t byte) noexcept {
  struct ::flock wanted {};
  wanted.l_type = type;
  wanted.l_whence = SEEK_SET;
  wanted.l_start = static_cast<off_t>(byte);
  wanted.l_len = 1;
  return ::fcntl(file, F_OFD_SETLK, &wanted);
}
int try_lock(int file, LockMode mode, std::uint64_t byte) noexcept {
  return set_lock(file, mode == LockMode::exclusive ? F_WRLCK : F_RDLCK, byte);
}
void unlock(int file, std::uint64_t byte) noexcept { (void)set_lock(file, F_UNLCK, byte); }
bool others_write(int file) noexcept {
  struct ::flock asked {};
  asked.l_type = F_RDLCK;
  asked.l_whence = SEEK_SET;
  asked.l_start = static_cast<off_t>(moment_byte);
  asked.l_len = 1;
  return ::fcntl(file, F_OFD_GETLK, &asked) == 0 && asked.l_type != F_UNLCK;
}
#else
// The only other kind that belongs to the open file and not to the process.
// It knows no bytes: an exclusive MomentLock is part of the Lock that its taker has.
int try_lock(int file, LockMode mode, std::uint64_t byte) noexcept {
  if (byte == moment_byte && mode == LockMode::exclusive) return 0;
  return ::flock(file, (mode == LockMode::exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
}
void unlock(int file, std::uint64_t /*byte*/) noexcept { (void)::flock(file, LOCK_UN); }
// It cannot be asked without being taken.
bool others_write(int /*file*/) noexcept { return true; }
#endif

bool is_conflict(int error) noexcept {
  return error == EAGAIN || error == EWOULDBLOCK || error == EACCES;
}

/// True: the lock is had. False: others have it.
bool attempt(int file, LockMode mode, const std::string& path) {
  while (try_lock(file, mode, lock_byte) != 0) {
    if (errno == EINTR) continue;
    if (is_conflict(errno)) return false;
    if (errno == EINVAL || errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP)
      throw Error({.code = Code::unsupported,
                   .reason = "the filesystem or the system has no such locks",
                   .advice = "Keep others away from the file by other means.",
                   .path = path,
                   .os_error = errno});
    raise_system(errno, "lock the file", path);
  }
  return true;
}

}  // namespace

Lock::Lock(std::intptr_t handle, const Identity& identity) noexcept
    : handle_(handle), process_(process_id()), identity_(identity) {}

Lock& Lock::operator=(Lock&& other) noexcept {
  if (this != &other) {
    release();
    handle_ = std::exchange(other.handle_, none);
    process_ = other.process_;
    identity_ = other.identity_;
  }
  return *this;
}

Lock::~Lock() { release(); }

void Lock::release() noexcept {
  if (handle_ == none) return;
  const auto file = static_cast<int>(std::exchange(handle_, none));
  // Forked children share the handle: the lock ends here all the same if it is ours, and stays if
  // this is the child.
  if (process_ == process_id()) unlock(file, lock_byte);
  (void)::close(file);
}

std::optional<Lock> Lock::take(const std::string& path, LockMode mode,
                               std::chrono::steady_clock::time_point deadline) {
  require_path(path);
  LockWait waiting(deadline);
  for (;;) {
    Lock lock(open_for(path, mode), {});
    const auto file = static_cast<int>(lock.handle_);
    struct ::stat found {};
    if (::fstat(file, &found) != 0) raise_system(errno, "ask for the file's status", path);
    const FileStatus status = to_status(found);
    if (status.kind != FileKind::regular)
      throw Error({.code = Code::not_a_file,
                   .reason = "what stands at the path is not a regular file",
                   .advice = "Give the path of a file.",
                   .path = path});
    lock.identity_ = status.identity;
    const bool had = attempt(file, mode, path);
    // Opened anew each time: the file may have been replaced, before the lock was had or after.
    const auto now = had ? status_at(path) : std::nullopt;
    if (now && now->identity == status.identity) return lock;
    if (!had && !waiting.wait()) return std::nullopt;
  }
}

MomentLock::MomentLock(std::intptr_t handle) noexcept : handle_(handle), process_(process_id()) {}

MomentLock::~MomentLock() {
  if (handle_ != none && process_ == process_id()) unlock(static_cast<int>(handle_), moment_byte);
}

bool MomentLock::is_busy(std::intptr_t handle) noexcept {
  return others_write(static_cast<int>(handle));
}

std::optional<MomentLock> MomentLock::try_take(std::intptr_t handle, LockMode mode) noexcept {
  while (try_lock(static_cast<int>(handle), mode, moment_byte) != 0) {
    if (errno == EINTR) continue;
    if (is_conflict(errno)) return std::nullopt;
    return MomentLock(none);
  }
  return MomentLock(handle);
}

}  // namespace tensorhold::os
