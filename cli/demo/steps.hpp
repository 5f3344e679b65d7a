// What the demo prints: headings, and rows of a word and what there is to say within the screen.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace tensorhold::cli::demo {

/// Headings in bold on a terminal that shows it.
void heading(std::string_view text);

/// A row below a heading: `word` (at most 9 letters) and one line of printable text, cut in the
/// middle where it is too long.
void say(std::string_view word, std::string_view text);

/// As say() for sentences in ASCII: goes on in the next line instead.
void tell(std::string_view word, std::string_view sentences);

/// Time since it was made.
class Stopwatch {
 public:
  /// "12 us", "3.4 ms" or "1.2 s".
  [[nodiscard]] std::string text() const;

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace tensorhold::cli::demo
