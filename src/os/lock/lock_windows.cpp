#include "os/error/api_windows.hpp"
#include "os/error/error_windows.hpp"
#include "os/error/path_windows.hpp"
#include "os/file/status_windows.hpp"
#include "os/lock/lock.hpp"
#include "os/lock/lock_wait.hpp"
#include "os/process/process.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using windows::handle_of;

OVERLAPPED place_of(std::uint64_t byte) noexcept {
  OVERLAPPED place{};
  place.Offset = static_cast<DWORD>(byte);
  place.OffsetHigh = static_cast<DWORD>(byte >> 32);
  return place;
}

/// NO_ERROR: the lock is had.
DWORD try_lock(HANDLE file, LockMode mode, std::uint64_t byte) noexcept {
  OVERLAPPED place = place_of(byte);
  const DWORD flags = LOCKFILE_FAIL_IMMEDIATELY |
                      (mode == LockMode::exclusive ? DWORD{LOCKFILE_EXCLUSIVE_LOCK} : DWORD{0});
  return LockFileEx(file, flags, 0, 1, 0, &place) != 0 ? NO_ERROR : GetLastError();
}

// The system would end it with the handle too, but some time later.
void unlock(HANDLE file, std::uint64_t byte) noexcept {
  OVERLAPPED place = place_of(byte);
  (void)UnlockFileEx(file, 0, 1, 0, &place);
}

bool is_conflict(DWORD error) noexcept {
  return error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING;
}

/// True: the lock is had. False: others have it.
bool attempt(HANDLE file, LockMode mode, const std::string& path) {
  const DWORD error = try_lock(file, mode, lock_byte);
  if (error == NO_ERROR) return true;
  if (is_conflict(error)) return false;
  if (windows::is_missing_call(error))
    throw Error({.code = Code::unsupported,
                 .reason = "the filesystem has no such locks",
                 .advice = "Keep others away from the file by other means.",
                 .path = path,
                 .os_error = static_cast<int>(error)});
  windows::raise_error("lock the file", path, error);
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
  const HANDLE file = handle_of(std::exchange(handle_, none));
  unlock(file, lock_byte);
  (void)CloseHandle(file);
}

std::optional<Lock> Lock::take(const std::string& path, LockMode mode,
                               std::chrono::steady_clock::time_point deadline) {
  const std::wstring wide = windows::wide_path(path);
  LockWait waiting(deadline);
  for (;;) {
    const HANDLE file = CreateFileW(wide.c_str(), GENERIC_READ, windows::share_all, nullptr,
                                    OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr);
    if (file == INVALID_HANDLE_VALUE)
      windows::raise_error("open the file to lock it", path, GetLastError());
    Lock lock(reinterpret_cast<std::intptr_t>(file), {});
    const FileStatus status = windows::status_of(file, path);
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
  if (handle_ != none) unlock(handle_of(handle_), moment_byte);
}

bool MomentLock::is_busy(std::intptr_t handle) noexcept {
  return !try_take(handle, LockMode::shared).has_value();
}

std::optional<MomentLock> MomentLock::try_take(std::intptr_t handle, LockMode mode) noexcept {
  const DWORD error = try_lock(handle_of(handle), mode, moment_byte);
  if (is_conflict(error)) return std::nullopt;
  return MomentLock(error == NO_ERROR ? handle : none);
}

}  // namespace tensorhold::os
