// Copies of a file's mapping by plain loads, which a fault ends: the fastest way where the file's
// pages are in memory already.
#pragma once

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/runs.hpp"

namespace tensorhold::os {

enum class Loads : std::uint8_t {
  done,
  faulted,     ///< SIGBUS: the file became shorter, or cannot be read; `to` is written in part
  unavailable  ///< the system refused the handler, or this thread blocks SIGBUS; nothing done
};

/// Copies runs, whose offsets count from `from`, into `to`, which has runs.nbytes(). The handler of
/// SIGBUS that this installs stays, and passes on whatever is not its own. Thread-safe.
[[nodiscard]] Loads copy_by_loads(const std::byte* from, const base::Runs& runs,
                                  std::byte* to) noexcept;

/// For our other handlers of SIGBUS: ends the copy by loads that this thread is at, and does not
/// return, if `info` is a fault in what it reads.
void end_faulted_copy(const siginfo_t* info) noexcept;

/// Copies by loads of pages that are in this process' tables, so that no load waits for the file.
/// Thread-safe.
class FaultCopy {
 public:
  FaultCopy() noexcept;
  FaultCopy(const FaultCopy&) = delete;
  FaultCopy& operator=(const FaultCopy&) = delete;
  ~FaultCopy();

  /// Copies to.size() bytes of whole pages at `from`. False: not all of these pages are in the
  /// tables, or copy_by_loads() did not come to the end; part of `to` may be written then.
  [[nodiscard]] bool copy(const std::byte* from, std::span<std::byte> to) const noexcept;

 private:
  [[nodiscard]] bool populated(const std::byte* from, std::size_t bytes) const noexcept;

  int pagemap_;  // /proc/self/pagemap; -1: cannot be had
};

}  // namespace tensorhold::os
