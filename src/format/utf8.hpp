// Where text stops being UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace tensorhold::format {

/// Position of the first byte of the first character that is not UTF-8; text.size() when all are.
/// Byte by byte: to find the place in text that simdjson::validate_utf8 refused.
[[nodiscard]] std::size_t utf8_prefix(std::string_view text) noexcept;

}  // namespace tensorhold::format
