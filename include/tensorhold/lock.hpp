// Advisory locks on files, between processes that ask for them.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "tensorhold/error.hpp"
#include "tensorhold/export.hpp"
#include "tensorhold/path.hpp"

namespace tensorhold {
inline namespace v0 {

/// A lock on a file, shared or exclusive; ends with this object, or with the process. It keeps away
/// only those who ask for a lock, and neither the file from being read, written or replaced nor
/// its tensors from being used. Every FileLock is on its own: two in one process conflict as two
/// in different ones do. A forked child does not have it. Move-only; for one thread at a time.
class TENSORHOLD_API FileLock {
 public:
  /// Without a lock.
  FileLock() noexcept;
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

  [[nodiscard]] bool owns() const noexcept { return impl_ != nullptr; }
  /// Ends the lock now.
  void unlock() noexcept;
  /// Path given, UTF-8; empty without a lock.
  [[nodiscard]] const std::string& path() const& noexcept;

 private:
  friend struct FileLockAccess;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Takes a lock on the file that stands at `path`: that file, should it be replaced while waiting.
/// Any number of shared locks, or one exclusive one. `timeout` is how long to wait for others: 0,
/// one attempt; milliseconds::max(), for ever. Waiting is not fair. A lease that a file server has
/// on the file is waited for besides, as by every open.
///
/// Raises lock_conflict, with the holders that could be seen; not_found, not_a_file,
/// permission_denied (an exclusive lock needs the right to write), unsupported (the filesystem has
/// no locks), io_error.
[[nodiscard]] TENSORHOLD_API FileLock
lock_shared(const Path& path, std::chrono::milliseconds timeout = std::chrono::milliseconds(0));
[[nodiscard]] TENSORHOLD_API FileLock
lock_exclusive(const Path& path, std::chrono::milliseconds timeout = std::chrono::milliseconds(0));
[[nodiscard]] TENSORHOLD_API Result<FileLock> try_lock_shared(
    const Path& path, std::chrono::milliseconds timeout = std::chrono::milliseconds(0)) noexcept;
[[nodiscard]] TENSORHOLD_API Result<FileLock> try_lock_exclusive(
    const Path& path, std::chrono::milliseconds timeout = std::chrono::milliseconds(0)) noexcept;

}  // namespace v0
}  // namespace tensorhold
