#include "cli/demo/steps.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "cli/output/console.hpp"
#include "cli/output/text.hpp"

namespace tensorhold::cli::demo {
namespace {

constexpr std::size_t word_columns = 9;

std::size_t row_columns() noexcept { return screen_columns() - word_columns - 3; }

}  // namespace

void heading(std::string_view text) {
  const bool bold = output_is_terminal() && std::getenv("NO_COLOR") == nullptr;
  fmt::print("\n{}{}{}\n", bold ? "\x1b[1m" : "", shorten(text, screen_columns()),
             bold ? "\x1b[0m" : "");
  (void)std::fflush(stdout);
}

void say(std::string_view word, std::string_view text) {
  fmt::print("  {:<{}} {}\n", word, word_columns, shorten(text, row_columns()));
}

void tell(std::string_view word, std::string_view sentences) {
  while (sentences.size() > row_columns()) {
    const std::size_t space = sentences.rfind(' ', row_columns());
    if (space == std::string_view::npos) break;
    say(word, sentences.substr(0, space));
    sentences.remove_prefix(space + 1);
    word = "";
  }
  say(word, sentences);
}

std::string Stopwatch::text() const {
  const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start_).count();
  if (ms < 1) return fmt::format("{:.0f} us", ms * 1000);
  return ms < 1000 ? fmt::format("{:.1f} ms", ms) : fmt::format("{:.1f} s", ms / 1000);
}

}  // namespace tensorhold::cli::demo
