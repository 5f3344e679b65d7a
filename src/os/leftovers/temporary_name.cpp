#include "os/leftovers/temporary_name.hpp"

#include <algorithm>
#include <charconv>
#include <random>
#include <span>

#include "base/fnv.hpp"

namespace tensorhold::os {
namespace {

constexpr std::string_view mark = ".tensorhold-";
constexpr std::string_view ending = ".tmp";
constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::size_t random_digits = 16;
constexpr std::size_t pid_digits = 10;  // every system's process numbers fit into 32 bits
constexpr std::size_t added = 1 + mark.size() + pid_digits + 1 + random_digits + ending.size();

constexpr std::string_view journal_ending = ".journal";
constexpr std::size_t number_digits = 16;
constexpr std::size_t journal_room =
    usual_name_limit - (1 + mark.size() + 2 * number_digits + journal_ending.size());
constexpr std::size_t sum_digits = 16;

constexpr bool is_hex(char c) noexcept { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

constexpr bool continues_sequence(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

std::string in_hex(std::uint64_t value) {
  std::string digits;
  for (unsigned shift = 64; shift > 0; shift -= 4) digits += hex_digits[value >> (shift - 4) & 15U];
  return digits;
}

/// `name`, or as much of it as `room` bytes take, with a sum of the whole behind it.
std::string fit(std::string_view name, std::size_t room) {
  if (name.size() <= room) return std::string(name);
  const std::string sum = in_hex(base::fnv1a(std::as_bytes(std::span(name))));
  if (room <= sum.size()) return sum.substr(0, room);
  std::size_t kept = room - sum.size() - 1;
  while (kept > 0 && continues_sequence(name[kept])) --kept;
  return std::string(name.substr(0, kept)).append("-").append(sum);
}

}  // namespace

std::string temporary_stem(std::string_view name, std::size_t limit) {
  return fit(name, limit > added ? limit - added : 0);
}

std::string make_temporary_name(std::string_view name, std::uint64_t pid, std::size_t limit) {
  std::random_device device;
  std::string digits;
  while (digits.size() < random_digits) {
    for (unsigned value = device(), i = 0; i < 8; ++i, value >>= 4U)
      digits += hex_digits[value & 15U];
  }
  std::string result = ".";
  result.append(temporary_stem(name, limit)).append(mark).append(std::to_string(pid));
  result.append("-").append(digits).append(ending);
  return result;
}

std::optional<TemporaryName> parse_temporary_name(std::string_view file_name) noexcept {
  if (!file_name.starts_with('.') || !file_name.ends_with(ending)) return std::nullopt;
  const std::size_t at = file_name.rfind(mark);
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  TemporaryName result;
  result.stem = file_name.substr(1, at - 1);
  std::string_view rest = file_name.substr(at + mark.size());
  rest.remove_suffix(ending.size());
  const auto [next, error] = std::from_chars(rest.data(), rest.data() + rest.size(), result.pid);
  if (error != std::errc{}) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(next - rest.data()));
  if (rest.size() != 1 + random_digits || rest.front() != '-') return std::nullopt;
  for (const char c : rest.substr(1))
    if (!is_hex(c)) return std::nullopt;
  return result;
}

bool is_leftover_name(std::string_view file_name) noexcept {
  return parse_temporary_name(file_name).has_value();
}

bool JournalName::is_beside(std::string_view name) const { return stem == fit(name, journal_room); }

std::string make_journal_name(std::string_view name, const Identity& identity) {
  std::string number = in_hex(identity.file);
  if (identity.file_high != 0) number.insert(0, in_hex(identity.file_high));
  number.erase(0, std::min(number.find_first_not_of('0'), number.size() - 1));
  return std::string(".")
      .append(fit(name, journal_room))
      .append(mark)
      .append(number)
      .append(journal_ending);
}

std::optional<JournalName> parse_journal_name(std::string_view file_name) noexcept {
  if (!file_name.starts_with('.') || !file_name.ends_with(journal_ending)) return std::nullopt;
  const std::size_t at = file_name.rfind(mark);
  if (at == std::string_view::npos || at < 2) return std::nullopt;
  std::string_view number = file_name.substr(at + mark.size());
  number.remove_suffix(journal_ending.size());
  if (number.empty() || number.size() > 2 * number_digits || !std::ranges::all_of(number, is_hex) ||
      (number.size() > 1 && number.front() == '0'))
    return std::nullopt;
  JournalName result{.stem = file_name.substr(1, at - 1), .file = 0, .file_high = 0};
  const std::size_t sum = result.stem.size() - std::min(result.stem.size(), sum_digits);
  result.cut = sum > 0 && result.stem[sum - 1] == '-' &&
               std::ranges::all_of(result.stem.substr(sum), is_hex);
  const std::size_t high = number.size() - std::min(number.size(), number_digits);
  const auto read = [](std::string_view digits, std::uint64_t& value) {
    if (!digits.empty())
      (void)std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  };
  read(number.substr(0, high), result.file_high);
  read(number.substr(high), result.file);
  return result;
}

}  // namespace tensorhold::os
