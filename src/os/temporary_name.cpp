#include "os/temporary_name.hpp"

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

constexpr bool is_hex(char c) noexcept { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

constexpr bool continues_sequence(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

std::string temporary_stem(std::string_view name, std::size_t limit) {
  const std::size_t room = limit > added ? limit - added : 0;
  if (name.size() <= room) return std::string(name);
  std::string sum;
  const std::uint64_t whole = base::fnv1a(std::as_bytes(std::span(name)));
  for (unsigned shift = 64; shift > 0; shift -= 4) sum += hex_digits[whole >> (shift - 4) & 15U];
  if (room <= sum.size()) return sum.substr(0, room);
  std::size_t kept = room - sum.size() - 1;
  while (kept > 0 && continues_sequence(name[kept])) --kept;
  return std::string(name.substr(0, kept)).append("-").append(sum);
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

}  // namespace tensorhold::os
