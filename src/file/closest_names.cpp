#include "file/closest_names.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

namespace tensorhold::io {
namespace {

constexpr std::size_t names_looked_at = 5'000;
constexpr std::size_t longest_name = 128;
constexpr std::size_t most_answers = 3;

/// Levenshtein distance: insertions, deletions and replacements of bytes.
std::size_t edit_distance(std::string_view a, std::string_view b, std::vector<std::size_t>& row) {
  row.resize(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return lower;
}

/// Whether one is the whole first part of the other: "lm_head" of "lm_head.weight".
bool begins_with_part(std::string_view whole, std::string_view part) noexcept {
  return whole.size() > part.size() && whole.starts_with(part) &&
         std::string_view("./:").find(whole[part.size()]) != std::string_view::npos;
}

/// How far two names, in lower case, are from each other: 0 where they are the same, 1 where one is
/// a part of the other, whatever the distance, as "weight" is of "embed.weight". Nothing where they
/// are not close.
std::optional<std::size_t> distance_of(std::string_view name, std::string_view candidate,
                                       std::vector<std::size_t>& row) {
  if (name == candidate) return 0;
  if (candidate.ends_with(name) || name.ends_with(candidate) || begins_with_part(candidate, name) ||
      begins_with_part(name, candidate))
    return 1;
  const std::size_t near_enough = std::max<std::size_t>(2, name.size() / 4);
  const std::size_t difference =
      std::max(candidate.size(), name.size()) - std::min(candidate.size(), name.size());
  if (difference > near_enough) return std::nullopt;
  const std::size_t distance = edit_distance(name, candidate, row);
  return distance <= near_enough ? std::optional(distance + 1) : std::nullopt;
}

}  // namespace

std::vector<std::string_view> closest_names(const format::Header& header, std::string_view name) {
  if (name.empty() || name.size() > longest_name) return {};
  const std::string wanted = lower_case(name);
  std::vector<std::pair<std::size_t, std::string_view>> found;
  std::vector<std::size_t> row;
  const std::size_t count = std::min(header.size(), names_looked_at);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view candidate = header.name(i);
    if (candidate.empty() || candidate.size() > longest_name) continue;
    if (const auto distance = distance_of(wanted, lower_case(candidate), row))
      found.emplace_back(*distance, candidate);
  }
  std::ranges::stable_sort(found, {}, [](const auto& pair) { return pair.first; });
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < std::min(found.size(), most_answers); ++i)
    names.push_back(found[i].second);
  return names;
}

}  // namespace tensorhold::io
