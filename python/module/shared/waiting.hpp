// Waits for locks that Ctrl-C ends.
#pragma once

#include <algorithm>

#include "module.hpp"

namespace tensorhold_python {

/// What `attempt(wait)` gives, which waits so long for a lock and raises lock_conflict when it did
/// not get it: called again, without the GIL, until `timeout` is over. In between, Python's signal
/// handlers run, and what they raise ends the wait.
template <class Attempt>
auto waiting(std::chrono::milliseconds timeout, Attempt attempt) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds slice(100);
  const Clock::time_point begin = Clock::now();
  for (;;) {
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    const std::chrono::milliseconds left = timeout - waited;
    try {
      return without_gil([&] { return attempt(std::clamp(left, left.zero(), slice)); });
    } catch (const th::Error& error) {
      if (error.code() != th::Code::lock_conflict || left <= slice) throw;
    }
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
  }
}

}  // namespace tensorhold_python
