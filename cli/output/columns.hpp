// How wide a line for people may be: what the systems' consoles share.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <string_view>

namespace tensorhold::cli {

inline constexpr std::size_t usual_columns = 80;
inline constexpr std::size_t fewest_columns = 60;  // less cannot hold a table

/// `width`: what the system says of the terminal; 0 when it does not say.
[[nodiscard]] inline std::size_t usable_columns(bool terminal, std::size_t width) noexcept {
  if (!terminal) return usual_columns;
  const char* const text = std::getenv("COLUMNS");
  const std::string_view wanted = text == nullptr ? std::string_view() : text;
  std::size_t asked = 0;
  const auto [end, fault] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), asked);
  if (fault == std::errc() && end == wanted.data() + wanted.size() && asked != 0) width = asked;
  if (width == 0) return usual_columns;
  return width < fewest_columns ? fewest_columns : width;
}

}  // namespace tensorhold::cli
