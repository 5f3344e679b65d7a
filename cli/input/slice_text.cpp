#include "cli/input/slice_text.hpp"

#include <charconv>
#include <optional>
#include <string_view>

#include "tensorhold/error.hpp"

namespace tensorhold::cli {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

[[noreturn]] void refuse(std::string_view part) {
  throw Error({.code = Code::invalid_slice,
               .reason = "\"" + std::string(part) + "\" is no part of a slice",
               .advice = "Write it as in Python: 0:10, ::2, -1, ..."});
}

std::optional<std::int64_t> number(std::string_view text, std::string_view part) {
  text = trim(text);
  if (text.empty()) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) refuse(part);
  return value;
}

Index parse_part(std::string_view part) {
  if (part == "...") return ellipsis;
  const std::size_t first = part.find(':');
  if (first == std::string_view::npos) {
    const auto single = number(part, part);
    if (!single) refuse(part);
    return *single;
  }
  const std::size_t second = part.find(':', first + 1);
  const std::string_view rest = part.substr(first + 1);
  if (second == std::string_view::npos)
    return {number(part.substr(0, first), part), number(rest, part)};
  return {number(part.substr(0, first), part),
          number(part.substr(first + 1, second - first - 1), part),
          number(part.substr(second + 1), part).value_or(1)};
}

}  // namespace

std::vector<Index> parse_slice(const std::string& text) {
  std::string_view rest = trim(text);
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  std::vector<Index> indices;
  while (!trim(rest).empty()) {
    const std::size_t comma = rest.find(',');
    indices.push_back(parse_part(trim(rest.substr(0, comma))));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return indices;
}

}  // namespace tensorhold::cli
