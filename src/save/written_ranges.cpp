#include "save/written_ranges.hpp"

#include <iterator>

namespace tensorhold::io {

bool WrittenRanges::take(std::uint64_t begin, std::uint64_t end) {
  const auto next = ranges_.lower_bound(begin);
  if (next != ranges_.end() && next->first < end) return false;
  if (next != ranges_.begin() && std::prev(next)->second.end > begin) return false;
  ranges_.emplace_hint(next, begin, Range{.end = end});
  return true;
}

void WrittenRanges::finish(std::uint64_t begin) {
  auto range = ranges_.find(begin);
  range->second.done = true;
  finished_ += range->second.end - begin;
  if (const auto next = std::next(range);
      next != ranges_.end() && next->second.done && next->first == range->second.end) {
    range->second.end = next->second.end;
    ranges_.erase(next);
  }
  if (range == ranges_.begin()) return;
  if (const auto before = std::prev(range);
      before->second.done && before->second.end == range->first) {
    before->second.end = range->second.end;
    ranges_.erase(range);
  }
}

}  // namespace tensorhold::io
