// Between taking a view away and putting another in its place, the addresses are absent. Threads
// that touch them in that gap are made to wait by an exception handler.
#pragma once

#include <cstddef>

#include "os/error/api_windows.hpp"

namespace tensorhold::os::windows {

/// While one lives, faults in its range wait for the gap to end and are tried again if the access
/// is possible then; all other faults go on to the next handler. The handler is taken out some
/// seconds after the last of them went: a thread may be suspended between its fault and the
/// handler. From the first one on, the module of this code stays loaded. Thread-safe; as many as
/// there are releases at a time, the 65th waits.
class GapHandler {
 public:
  /// out_of_memory when the system refuses the handler.
  GapHandler(std::byte* begin, std::size_t bytes);
  GapHandler(const GapHandler&) = delete;
  GapHandler& operator=(const GapHandler&) = delete;
  ~GapHandler();

 private:
  std::size_t slot_;
};

/// While one lives, faults wait. Short: all releases of the process wait too. Its thread must not
/// touch the range.
class Gap {
 public:
  Gap() noexcept;
  Gap(const Gap&) = delete;
  Gap& operator=(const Gap&) = delete;
  ~Gap();
};

/// While one lives, no Gap begins: what is absent is not absent because of one. Short: releases
/// wait. Its thread must not have a Gap, nor touch what may be absent except by system calls.
class NoGap {
 public:
  NoGap() noexcept;
  NoGap(const NoGap&) = delete;
  NoGap& operator=(const NoGap&) = delete;
  ~NoGap();
};

/// True while the handler is installed.
[[nodiscard]] bool gap_handler_installed() noexcept;

}  // namespace tensorhold::os::windows
