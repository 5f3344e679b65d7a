#include "base/runs.hpp"

#include <cstring>

namespace tensorhold::base {
namespace {

// The common element sizes get loops of their own, which compilers turn into plain loads and
// stores.
template <std::size_t Width>
void gather_fixed(const std::byte* from, std::uint64_t stride, std::uint64_t count,
                  std::byte* to) noexcept {
  for (std::uint64_t i = 0; i < count; ++i) std::memcpy(to + i * Width, from + i * stride, Width);
}

/// The dimensions from `outer` on; returns where the next run goes. Few of them: a slice has no
/// count of 1 but perhaps the first.
std::byte* gather_from(std::size_t outer, const std::byte* from, const Runs& runs,
                       std::byte* to) noexcept {
  const std::uint64_t count = runs.counts[outer];
  const std::uint64_t stride = runs.strides[outer];
  if (outer + 1 == runs.counts.size()) {
    gather_row(from, stride, runs.run_bytes, count, to);
    return to + count * runs.run_bytes;
  }
  for (std::uint64_t i = 0; i < count; ++i)
    to = gather_from(outer + 1, from + i * stride, runs, to);
  return to;
}

}  // namespace

void gather_row(const std::byte* from, std::uint64_t stride, std::uint64_t run_bytes,
                std::uint64_t count, std::byte* to) noexcept {
  switch (run_bytes) {
    case 1:
      return gather_fixed<1>(from, stride, count, to);
    case 2:
      return gather_fixed<2>(from, stride, count, to);
    case 4:
      return gather_fixed<4>(from, stride, count, to);
    case 8:
      return gather_fixed<8>(from, stride, count, to);
    default:
      for (std::uint64_t i = 0; i < count; ++i)
        std::memcpy(to + i * run_bytes, from + i * stride, static_cast<std::size_t>(run_bytes));
  }
}

void gather(const std::byte* from, const Runs& runs, std::byte* to) noexcept {
  if (runs.counts.empty())
    std::memcpy(to, from + runs.offset, static_cast<std::size_t>(runs.run_bytes));
  else
    (void)gather_from(0, from + runs.offset, runs, to);
}

}  // namespace tensorhold::base
