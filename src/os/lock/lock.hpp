// Advisory locks between processes that agree to use them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "os/file/file.hpp"

namespace tensorhold::os {

enum class LockMode : std::uint8_t { shared, exclusive };

/// The byte that locks are taken on: far beyond the end of any file, so that no read or write ever
/// meets it, and not the one that temporaries are marked by.
inline constexpr std::uint64_t lock_byte = (std::uint64_t{1} << 62) + 1;
/// That of a MomentLock.
inline constexpr std::uint64_t moment_byte = lock_byte + 2;  // the system joins neighbours

/// A lock on a whole file; belongs to this object, not to the process: another one in the same
/// process conflicts with it, and closing other handles of the file does not end it. Ends with the
/// object or the process. In a forked child it is nothing: its end there changes nothing.
class Lock {
 public:
  Lock(Lock&& other) noexcept
      : handle_(std::exchange(other.handle_, none)),
        process_(other.process_),
        identity_(other.identity_) {}
  Lock& operator=(Lock&& other) noexcept;
  ~Lock();

  /// The lock of the file that stands at `path` once the lock is had (who replaces the file in the
  /// meantime does not fool it); nullopt: others still have it at `deadline`. At least one attempt
  /// is made. Raises not_found, not_a_file, permission_denied (an exclusive lock needs the right to
  /// write), too_many_open, unsupported (the filesystem has no locks), io_error.
  [[nodiscard]] static std::optional<Lock> take(const std::string& path, LockMode mode,
                                                std::chrono::steady_clock::time_point deadline);

  /// The file that is locked.
  [[nodiscard]] const Identity& identity() const noexcept { return identity_; }

 private:
  static constexpr std::intptr_t none = -1;
  Lock(std::intptr_t handle, const Identity& identity) noexcept;
  void release() noexcept;

  std::intptr_t handle_;
  std::int64_t process_;
  Identity identity_;
};

/// A lock for moments, apart from Lock and never in its way: shared by who reads a header or takes
/// the name away from a file, exclusive by who writes into the file. It is on a handle that the
/// caller keeps open for longer. Two on one open file (a duplicated descriptor) are one lock, which
/// ends with the first of them.
class MomentLock {
 public:
  MomentLock(MomentLock&& other) noexcept
      : handle_(std::exchange(other.handle_, none)), process_(other.process_) {}
  MomentLock& operator=(MomentLock&&) = delete;
  ~MomentLock();

  /// std::nullopt: others have it. Where the filesystem has no locks it is had, and nothing:
  /// nobody may edit in place there.
  [[nodiscard]] static std::optional<MomentLock> try_take(std::intptr_t handle,
                                                          LockMode mode) noexcept;
  /// True while another handle has it in a way that keeps this one from a shared one. Costs less
  /// than to take it.
  [[nodiscard]] static bool is_busy(std::intptr_t handle) noexcept;

 private:
  static constexpr std::intptr_t none = -1;
  explicit MomentLock(std::intptr_t handle) noexcept;

  std::intptr_t handle_;
  std::int64_t process_;
};

}  // namespace tensorhold::os
