#include "format/json/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tensorhold::format {
namespace {

constexpr std::size_t block = 64;

/// Length of the character that `text` begins with; 0 for none.
std::size_t character_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // Longer than needed, a surrogate, or beyond U+10FFFF.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
      (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f))
    return 0;
  return length;
}

/// Bytes of ASCII that `text` begins with, in whole blocks.
std::size_t ascii_blocks(std::string_view text) noexcept {
  std::size_t at = 0;
  const auto word = [&](std::size_t i) {
    std::uint64_t value;
    std::memcpy(&value, text.data() + at + i * sizeof value, sizeof value);
    return value;
  };
  // Without a loop: twice as fast, and what a large header costs shows in an open.
  for (; text.size() - at >= block; at += block) {
    const std::uint64_t all =
        word(0) | word(1) | word(2) | word(3) | word(4) | word(5) | word(6) | word(7);
    if ((all & 0x8080808080808080) != 0) break;
  }
  return at;
}

}  // namespace

std::size_t utf8_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    at += ascii_blocks(text.substr(at));
    // Character by character over the block that is not all ASCII.
    const std::size_t stop = std::min(text.size(), at + block);
    while (at < stop) {
      const std::size_t length = character_length(text.substr(at));
      if (length == 0) return at;
      at += length;
    }
  }
  return at;
}

}  // namespace tensorhold::format
