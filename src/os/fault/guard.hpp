// Survives reads of mapped memory whose file became shorter, or cannot be read any more: zeros
// appear there, and the range is marked as damaged. What the file still has appears as it is, on
// Linux. guard_posix.cpp and guard_windows.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "os/file/file.hpp"
#include "os/file/mapping.hpp"

namespace tensorhold::os {

struct GuardSlot;

/// While one lives, a fault (SIGBUS) in its range puts pages of zeros where the bytes are lost and
/// the access is tried again; every other fault goes to the handler that was there before. The
/// handler is there while any guard is, and is taken out with the last one, unless another was
/// installed over it: then it stays and does nothing.
///
/// Cannot help: a thread that blocks SIGBUS, and system calls, which fail with EFAULT as ever.
/// Thread-safe; movable by pointer only.
class Guard {
 public:
  /// `begin` and the end of the range are whole pages; they must stay mapped while the guard lives.
  /// `file`: what the range is a mapping of, from its first byte on, to be asked for the bytes that
  /// the mapping cannot show (a hole of a full tmpfs); null where its reads may give others. Must
  /// live until forget_file(). Raises unsupported (see docs/guarantees.md), invalid_argument,
  /// out_of_memory.
  Guard(std::byte* begin, std::size_t bytes, Protection protection, const File* file = nullptr);
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard();

  /// Bytes that zeros were put over, in whole pages; never becomes less.
  [[nodiscard]] std::uint64_t damaged_bytes() const noexcept;

  /// From the return on nobody uses the file.
  void forget_file() noexcept;

 private:
  GuardSlot* slot_;
};

/// True when zeros stand somewhere in a guarded range that `bytes` touches. Thread-safe, takes no
/// lock; the guard of `bytes`, if any, must live meanwhile.
[[nodiscard]] bool is_damaged(std::span<const std::byte> bytes) noexcept;

/// While one lives, no handler puts zeros anywhere: to be had around each exchange of guarded pages
/// for others, which a handler that decided before would else overwrite. Faults of other threads
/// wait, so keep it short; its own thread must not touch guarded memory.
class GuardPause {
 public:
  GuardPause() noexcept;
  GuardPause(const GuardPause&) = delete;
  GuardPause& operator=(const GuardPause&) = delete;
  ~GuardPause();

 private:
  alignas(std::uint64_t) unsigned char saved_signals_[128];
};

}  // namespace tensorhold::os
