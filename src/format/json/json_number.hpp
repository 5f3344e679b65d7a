// Numbers of JSON text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tensorhold::format {

struct JsonNumber {
  std::size_t length = 0;  ///< bytes of text that belong to it
  std::optional<std::uint64_t> integer =
      {};                       ///< when written as a plain unsigned integer that fits
  const char* fault = nullptr;  ///< why it is none, at `length`; null for a good number
};

/// Reads the number at the start of `text`. Like serde_json, refuses one beyond the range of a
/// double, also where nobody uses the value.
[[nodiscard]] JsonNumber read_json_number(std::string_view text) noexcept;

}  // namespace tensorhold::format
