#include "cli/output/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace tensorhold::cli {
namespace {

constexpr char32_t not_utf8 = 0xFFFF'FFFF;

/// Takes the first letter off `text`; not_utf8 takes one byte off.
char32_t take(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t size = first < 0x80   ? 1
                           : first < 0xC2 ? 0
                           : first < 0xE0 ? 2
                           : first < 0xF0 ? 3
                           : first < 0xF5 ? 4
                                          : 0;
  char32_t letter = size == 1 ? first : first & (0xFFU >> (size + 1));
  bool right = size != 0 && size <= text.size();
  for (std::size_t i = 1; right && i < size; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    right = (next & 0xC0U) == 0x80;
    letter = letter << 6 | (next & 0x3FU);
  }
  constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x1'0000};
  right = right && letter >= smallest[size] && letter <= 0x10'FFFF &&
          (letter < 0xD800 || letter > 0xDFFF);
  text.remove_prefix(right ? size : 1);
  return right ? letter : not_utf8;
}

using Range = std::pair<char32_t, char32_t>;

bool in(char32_t letter, std::span<const Range> ranges) {
  return std::ranges::any_of(ranges, [letter](const Range& range) {
    return letter >= range.first && letter <= range.second;
  });
}

// Unicode 15: general categories Cc, Cf, Zl and Zp, and the fillers that show nothing.
constexpr std::array<Range, 16> invisible{{{0x00, 0x1F},
                                           {0x7F, 0x9F},
                                           {0xAD, 0xAD},
                                           {0x061C, 0x061C},
                                           {0x115F, 0x1160},
                                           {0x180B, 0x180F},
                                           {0x200B, 0x200F},
                                           {0x2028, 0x202E},
                                           {0x2060, 0x206F},
                                           {0x3164, 0x3164},
                                           {0xFE00, 0xFE0F},
                                           {0xFEFF, 0xFEFF},
                                           {0xFFA0, 0xFFA0},
                                           {0xFFF0, 0xFFFB},
                                           {0x1D173, 0x1D17A},
                                           {0xE0000, 0xE0FFF}}};

// Blocks of combining marks, and blocks of letters that take two columns (East Asian Width W and
// F).
constexpr std::array<Range, 5> combining{
    {{0x0300, 0x036F}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF}, {0xFE20, 0xFE2F}}};
constexpr std::array<Range, 10> wide{{{0x1100, 0x115F},
                                      {0x2E80, 0x303E},
                                      {0x3041, 0xA4CF},
                                      {0xA960, 0xA97F},
                                      {0xAC00, 0xD7A3},
                                      {0xF900, 0xFAFF},
                                      {0xFE30, 0xFE6F},
                                      {0xFF00, 0xFF60},
                                      {0x1F300, 0x1FAFF},
                                      {0x20000, 0x3FFFD}}};

std::size_t columns_of(char32_t letter) {
  if (in(letter, combining)) return 0;
  return in(letter, wide) ? 2 : 1;
}

std::string escape(char32_t letter) {
  if (letter == U'\n') return "\\n";
  if (letter == U'\t') return "\\t";
  if (letter == U'\r') return "\\r";
  const auto number = static_cast<std::uint32_t>(letter);
  if (number < 0x100) return fmt::format("\\x{:02x}", number);
  return number < 0x1'0000 ? fmt::format("\\u{:04x}", number) : fmt::format("\\U{:08x}", number);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t letter = take(text);
    const std::string_view bytes = before.substr(0, before.size() - text.size());
    if (letter == not_utf8)
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[0]));
    else if (in(letter, invisible))
      result += escape(letter);
    else
      result += bytes;
  }
  return result;
}

std::size_t columns(std::string_view printable) {
  std::size_t total = 0;
  while (!printable.empty()) total += columns_of(take(printable));
  return total;
}

std::string shorten(std::string_view printable, std::size_t width) {
  if (columns(printable) <= width) return std::string(printable);
  if (width == 0) return {};
  struct Letter {
    std::string_view bytes;
    std::size_t columns;
  };
  std::vector<Letter> letters;
  for (std::string_view rest = printable; !rest.empty();) {
    const std::string_view before = rest;
    const std::size_t wide_by = columns_of(take(rest));
    letters.push_back({before.substr(0, before.size() - rest.size()), wide_by});
  }
  const std::size_t head_width = (width - 1) / 2;
  std::string head;
  for (std::size_t used = 0; const Letter& letter : letters) {
    used += letter.columns;
    if (used > head_width) break;
    head += letter.bytes;
  }
  // Names differ most at their ends.
  const std::size_t tail_width = width - 1 - columns(head);
  std::string tail;
  std::size_t used = 0;
  for (std::size_t i = letters.size(); i-- > 0;) {
    used += letters[i].columns;
    if (used > tail_width) break;
    tail.insert(0, letters[i].bytes);
  }
  return head + "…" + tail;
}

std::string pad(std::string_view printable, std::size_t width) {
  const std::size_t have = columns(printable);
  return std::string(printable) + std::string(have < width ? width - have : 0, ' ');
}

std::string size_text(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::array<const char*, 6> units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 1023.95 would be shown as 1024.0 of the smaller unit.
  while (value >= 1023.95 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string count_text(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t i = digits.size(); i > 3;) digits.insert(i -= 3, ",");
  return digits;
}

std::string shape_text(std::span<const std::uint64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace tensorhold::cli
