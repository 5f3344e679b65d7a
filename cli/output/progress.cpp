#include "cli/output/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "cli/output/text.hpp"

namespace tensorhold::cli {
namespace {

constexpr std::size_t bar_columns = 20;
constexpr auto silence = std::chrono::seconds(1);
constexpr auto pause = std::chrono::milliseconds(100);

}  // namespace

std::string progress_line(std::string_view what, std::uint64_t done, std::uint64_t total,
                          double seconds) {
  const double part =
      total == 0 ? 1 : static_cast<double>(std::min(done, total)) / static_cast<double>(total);
  const auto full = static_cast<std::size_t>(part * bar_columns);
  std::string line = fmt::format("{} [{}{}] {:3.0f}%  {} of {}", what, std::string(full, '#'),
                                 std::string(bar_columns - full, '-'), part * 100,
                                 size_text(std::min(done, total)), size_text(total));
  if (part > 0 && part < 1) line += fmt::format(", {:.0f} s left", seconds / part - seconds);
  return shorten(line, screen_columns() - 1);  // in the last column some terminals wrap
}

ProgressBar::ProgressBar(std::string what, bool shown, std::function<Clock::time_point()> now)
    : what_(std::move(what)),
      shown_(shown),
      now_(std::move(now)),
      begin_(now_()),
      next_(begin_ + silence) {}

ProgressBar::~ProgressBar() {
  if (drawn_ == 0) return;
  (void)std::printf("\r%*s\r", static_cast<int>(drawn_), "");
  (void)std::fflush(stdout);
}

void ProgressBar::operator()(std::uint64_t done, std::uint64_t total) {
  if (!shown_) return;
  const Clock::time_point now = now_();
  if (now < next_) return;
  next_ = now + pause;
  const std::string line =
      progress_line(what_, done, total, std::chrono::duration<double>(now - begin_).count());
  const std::size_t width = columns(line);
  // Spaces over what was longer: not every console knows how to clear a line.
  (void)std::printf("\r%s%*s", line.c_str(), static_cast<int>(drawn_ > width ? drawn_ - width : 0),
                    "");
  drawn_ = std::max(drawn_, width);
  (void)std::fflush(stdout);
}

}  // namespace tensorhold::cli
