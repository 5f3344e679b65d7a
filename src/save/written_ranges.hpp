// Which bytes of a tensor were written, and which are being written.
#pragma once

#include <cstdint>
#include <map>

namespace tensorhold::io {

/// Ranges of one tensor that do not overlap. For one thread at a time.
class WrittenRanges {
 public:
  /// Takes [begin, end) for a write that is about to begin; false when part of it is taken.
  /// Precondition: begin < end.
  [[nodiscard]] bool take(std::uint64_t begin, std::uint64_t end);
  /// The write of a range that was taken is done. Neighbours become one, so that a tensor written
  /// in small pieces costs no more than the gaps between them.
  void finish(std::uint64_t begin);
  /// The write failed: the range is free again.
  void give_back(std::uint64_t begin) noexcept { ranges_.erase(begin); }
  /// Bytes of finished writes.
  [[nodiscard]] std::uint64_t finished() const noexcept { return finished_; }

 private:
  struct Range {
    std::uint64_t end = 0;
    bool done = false;
  };
  std::map<std::uint64_t, Range> ranges_;  // by their begin
  std::uint64_t finished_ = 0;
};

}  // namespace tensorhold::io
