// Copies of a file's mapping by plain loads: the fastest way where its pages are there already.
#pragma once

#include <cstddef>
#include <span>

namespace tensorhold::os {

/// Reads mappings of files. A fault while it does so (SIGBUS: the file became shorter, or cannot be
/// read) ends the copy, not the process. The handler of SIGBUS that this takes stays once installed
/// and passes on whatever is not its own. Thread-safe.
class FaultCopy {
 public:
  FaultCopy() noexcept;
  FaultCopy(const FaultCopy&) = delete;
  FaultCopy& operator=(const FaultCopy&) = delete;
  ~FaultCopy();

  /// Copies to.size() bytes of whole pages at `from` if all of these pages are in this process'
  /// tables, so that no load waits for the file. False: they are not, the system refused the
  /// handler, this thread blocks SIGBUS, or a load faulted; part of `to` may be written then.
  [[nodiscard]] bool copy(const std::byte* from, std::span<std::byte> to) const noexcept;

 private:
  [[nodiscard]] bool populated(const std::byte* from, std::size_t bytes) const noexcept;

  int pagemap_ = -1;  // /proc/self/pagemap; -1: cannot be had
};

}  // namespace tensorhold::os
