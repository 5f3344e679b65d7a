#include "base/printable.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace tensorhold::base {
namespace {

/// Bytes of the letter that `text` begins with, and the letter; 0 bytes: it is not UTF-8.
struct Letter {
  std::size_t bytes = 0;
  std::uint32_t number = 0;
};

Letter first_letter(std::string_view text) noexcept {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {1, first};
  const std::size_t bytes = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (bytes == 0 || first > 0xF4 || bytes > text.size()) return {};
  std::uint32_t number = first & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80) return {};
    number = number << 6U | (next & 0x3FU);
  }
  constexpr std::array<std::uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x1'0000};
  const bool right =
      number >= smallest[bytes] && number <= 0x10'FFFF && (number < 0xD800 || number > 0xDFFF);
  return right ? Letter{bytes, number} : Letter{};
}

bool is_shown(std::uint32_t number) noexcept {
  return number >= 0x20 && (number < 0x7F || number > 0x9F) && number != 0x61C &&
         number != 0x200E && number != 0x200F && (number < 0x2028 || number > 0x202E) &&
         (number < 0x2066 || number > 0x2069);
}

void add_escape(std::string& to, std::uint32_t number) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (number == '\n' || number == '\t' || number == '\r') {
    to += number == '\n' ? "\\n" : number == '\t' ? "\\t" : "\\r";
    return;
  }
  to += number < 0x100 ? "\\x" : "\\u";
  for (unsigned shift = number < 0x100 ? 8 : 16; shift > 0; shift -= 4)
    to += digits[number >> (shift - 4) & 15U];
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Letter letter = first_letter(text);
    const std::size_t bytes = letter.bytes == 0 ? 1 : letter.bytes;
    if (letter.bytes != 0 && is_shown(letter.number))
      result += text.substr(0, bytes);
    else
      add_escape(result, letter.bytes != 0 ? letter.number : static_cast<unsigned char>(text[0]));
    text.remove_prefix(bytes);
  }
  return result;
}

}  // namespace tensorhold::base
