// Taking an advisory lock, for opens and for FileLock.
#pragma once

#include <chrono>
#include <string>

#include "os/lock/lock.hpp"

namespace tensorhold::io {

/// Waits for others for at most `timeout`, as lock_shared() of the public header says. Raises
/// lock_conflict with the holders that could be seen, and what os::Lock::take raises.
[[nodiscard]] os::Lock take_lock(const std::string& path, os::LockMode mode,
                                 std::chrono::milliseconds timeout);

/// Raises the lock_conflict of a lock in that mode that others have kept for too long.
[[noreturn]] void raise_locked(const std::string& path, os::LockMode mode);

}  // namespace tensorhold::io
