// Whether text is UTF-8, and where it stops being so.
#pragma once

#include <cstddef>
#include <string_view>

namespace tensorhold::format {

/// Position of the first byte of the first character that is not UTF-8; text.size() when all are.
/// At the speed of memory where text is ASCII, as headers are. Keeps no state: it works in static
/// destructors too.
[[nodiscard]] std::size_t utf8_prefix(std::string_view text) noexcept;

[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept {
  return utf8_prefix(text) == text.size();
}

}  // namespace tensorhold::format
