// Equal runs of bytes that lie apart: what a slice of a tensor is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tensorhold::base {

/// `run_bytes` long each, repeated over `counts` with `strides` (bytes, outermost first), the first
/// at `offset`. No count is 0; without counts there is one run. The spans are borrowed.
struct Runs {
  std::uint64_t offset = 0;
  std::uint64_t run_bytes = 0;
  std::span<const std::uint64_t> counts = {};
  std::span<const std::uint64_t> strides = {};

  /// Of all runs together.
  [[nodiscard]] std::uint64_t nbytes() const noexcept {
    std::uint64_t total = run_bytes;
    for (const std::uint64_t count : counts) total *= count;
    return total;
  }
  /// From the first run's first byte to the last one's end.
  [[nodiscard]] std::uint64_t extent() const noexcept {
    std::uint64_t bytes = run_bytes;
    for (std::size_t i = 0; i < counts.size(); ++i) bytes += (counts[i] - 1) * strides[i];
    return bytes;
  }
};

/// Copies `count` runs that lie `stride` apart, one after the other.
void gather_row(const std::byte* from, std::uint64_t stride, std::uint64_t run_bytes,
                std::uint64_t count, std::byte* to) noexcept;

/// Copies runs out of memory, one after the other, into `to`, which has nbytes(); offsets count
/// from `from`. Takes no memory and leaves nothing half done, so that a signal handler may jump
/// out.
void gather(const std::byte* from, const Runs& runs, std::byte* to) noexcept;

}  // namespace tensorhold::base
