#include "os/process/proc_linux.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace tensorhold::os {
namespace {

/// Takes a number off the front of `text`; false, and nothing taken, when none is there.
bool take_number(std::string_view& text, std::uint64_t& value, int base) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_char(std::string_view& text, char wanted) noexcept {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

/// Takes blanks, then a word.
std::string_view take_word(std::string_view& text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(" \t"));
  text.remove_prefix(word.size());
  return word;
}

/// `line` stands after "lock:": `1: OFDLCK ADVISORY WRITE -1 08:01:42 FIRST LAST`.
bool is_lock_on(std::string_view line, std::uint64_t byte) noexcept {
  (void)take_word(line);
  if (take_word(line) != "OFDLCK") return false;
  for (int skipped = 0; skipped < 4; ++skipped) (void)take_word(line);
  std::string_view word = take_word(line);
  std::uint64_t first = 0;
  return take_number(word, first, 10) && word.empty() && first == byte;
}

/// Bytes of the UTF-8 character that `text` begins with; 0: none.
std::size_t character(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const std::size_t size = lead < 0x80   ? 1
                           : lead < 0xC2 ? 0
                           : lead < 0xE0 ? 2
                           : lead < 0xF0 ? 3
                           : lead < 0xF5 ? 4
                                         : 0;
  if (size == 0 || size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  if (size < 3) return size;
  const unsigned next = byte(1);
  const bool wrong = (lead == 0xE0 && next < 0xA0) || (lead == 0xED && next > 0x9F) ||
                     (lead == 0xF0 && next < 0x90) || (lead == 0xF4 && next > 0x8F);
  return wrong ? 0 : size;
}

}  // namespace

std::optional<MapsLine> parse_maps_line(std::string_view line) noexcept {
  MapsLine found;
  std::uint64_t offset = 0;
  if (!take_number(line, found.begin, 16) || !take_char(line, '-') ||
      !take_number(line, found.end, 16) || !take_char(line, ' ') || found.end < found.begin)
    return std::nullopt;
  (void)take_word(line);
  if (!take_char(line, ' ') || !take_number(line, offset, 16) || !take_char(line, ' ') ||
      !take_number(line, found.device_major, 16) || !take_char(line, ':') ||
      !take_number(line, found.device_minor, 16) || !take_char(line, ' ') ||
      !take_number(line, found.inode, 10))
    return std::nullopt;
  return found;
}

HandleFacts parse_fdinfo(std::string_view text, std::uint64_t lock_byte) noexcept {
  constexpr std::string_view flags = "flags:";
  constexpr std::string_view lock = "lock:";
  HandleFacts facts;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with(flags)) {
      line.remove_prefix(flags.size());
      std::string_view word = take_word(line);
      std::uint64_t value = 0;
      facts.path_only = take_number(word, value, 8) && (value & O_PATH) != 0;
    } else if (line.starts_with(lock)) {
      facts.locks = facts.locks || is_lock_on(line.substr(lock.size()), lock_byte);
    }
  }
  return facts;
}

bool cannot_hold(std::string_view stat) noexcept {
  constexpr std::uint64_t kernel_thread = 0x0020'0000;  // PF_KTHREAD
  const std::size_t name_end = stat.rfind(')');         // the name may hold anything
  if (name_end == std::string_view::npos) return false;
  stat.remove_prefix(name_end + 1);
  const std::string_view state = take_word(stat);
  if (state == "Z" || state == "X" || state == "x") return true;
  for (int skipped = 0; skipped < 5; ++skipped) (void)take_word(stat);
  std::string_view word = take_word(stat);
  std::uint64_t flags = 0;
  return take_number(word, flags, 10) && (flags & kernel_thread) != 0;
}

std::string printable(std::string_view name) {
  std::string text;
  while (!name.empty()) {
    const std::size_t size = character(name);
    const auto lead = static_cast<unsigned char>(name.front());
    if (size == 0 || lead < 0x20 || lead == 0x7F)
      text += '?';
    else
      text += name.substr(0, size);
    name.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return text;
}

}  // namespace tensorhold::os
