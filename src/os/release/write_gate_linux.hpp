// Makes threads wait that write to a part of memory while it is copied.
#pragma once

#include <cstddef>

namespace tensorhold::os {

/// While one lives, faults in its range that come from a closed part wait for it to open and are
/// tried again; all other faults go to the handler that was there before. The handler of SIGSEGV is
/// installed by the first gate and stays: a thread may stand between its fault and the handler for
/// any time. Any number of gates, from any threads.
class WriteGate {
 public:
  /// Raises release_unsupported when the system refuses the handler, or others were put over ours
  /// too often.
  WriteGate(const std::byte* begin, std::size_t bytes);

  /// While one lives, who writes to a read-only page of the part waits. One at a time in a process:
  /// the next one waits, as does a fork. Its thread must not write there.
  class Closed {
   public:
    Closed(const WriteGate& gate, const std::byte* begin, std::size_t bytes) noexcept;
    Closed(const Closed&) = delete;
    Closed& operator=(const Closed&) = delete;
    ~Closed();
  };
};

}  // namespace tensorhold::os
