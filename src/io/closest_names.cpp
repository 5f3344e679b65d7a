#include "io/closest_names.hpp"

#include <algorithm>
#include <numeric>
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

}  // namespace

std::vector<std::string_view> closest_names(const format::Header& header, std::string_view name) {
  if (name.empty() || name.size() > longest_name) return {};
  const std::size_t near_enough = std::max<std::size_t>(2, name.size() / 4);
  std::vector<std::pair<std::size_t, std::string_view>> found;
  std::vector<std::size_t> row;
  const std::size_t count = std::min(header.size(), names_looked_at);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view candidate = header.name(i);
    if (candidate.size() > longest_name) continue;
    // "weight" is meant to find "embed.weight", whatever the distance.
    const bool part = candidate.ends_with(name) || name.ends_with(candidate);
    const auto difference =
        std::max(candidate.size(), name.size()) - std::min(candidate.size(), name.size());
    if (!part && difference > near_enough) continue;
    const std::size_t distance = part ? 0 : edit_distance(name, candidate, row);
    if (!candidate.empty() && distance <= near_enough) found.emplace_back(distance, candidate);
  }
  std::ranges::stable_sort(found, {}, [](const auto& pair) { return pair.first; });
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < std::min(found.size(), most_answers); ++i)
    names.push_back(found[i].second);
  return names;
}

}  // namespace tensorhold::io
