// A progress bar for work that may take long.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "cli/output/console.hpp"

namespace tensorhold::cli {

/// One line without its end, such as "releasing [#####---------------]  25%  1.0 GiB of 4.0 GiB, 3
/// s left". Precondition: `what` is printable.
[[nodiscard]] std::string progress_line(std::string_view what, std::uint64_t done,
                                        std::uint64_t total, double seconds);

/// Shows on a terminal how far some work is, once it has taken longer than a second; elsewhere
/// prints nothing. The line is wiped when the bar is destroyed, so print results after that. Hand
/// it to options that take a progress callback:
///
///     ProgressBar bar("releasing");
///     release(path, {.progress = std::ref(bar)});
class ProgressBar {
 public:
  using Clock = std::chrono::steady_clock;
  /// `shown`: whether anybody looks. `now`: for tests.
  explicit ProgressBar(std::string what, bool shown = output_is_terminal(),
                       std::function<Clock::time_point()> now = Clock::now);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();

  /// `done` of `total` bytes. Draws a few times a second at most.
  void operator()(std::uint64_t done, std::uint64_t total);

 private:
  const std::string what_;
  const bool shown_;
  const std::function<Clock::time_point()> now_;
  const Clock::time_point begin_;
  Clock::time_point next_;  // when to draw again
  std::size_t drawn_ = 0;   // columns of the line that stands there
};

}  // namespace tensorhold::cli
