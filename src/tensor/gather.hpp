// Collects the runs of a slice into one piece of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hold/block.hpp"

namespace tensorhold::tensor {

/// Equal runs of bytes in a tensor: `run_bytes` long, repeated over `counts` with `strides` (bytes,
/// outermost first), the first at `offset`. No count is 0.
struct Runs {
  std::uint64_t offset = 0;
  std::uint64_t run_bytes = 0;
  std::span<const std::uint64_t> counts;
  std::span<const std::uint64_t> strides;
};

/// Copies the runs of a live tensor, one after the other, into `out`, which has their total size.
/// Runs that lie close together are read in one go through a bounded buffer. Raises what
/// hold::Block::read raises.
void gather(hold::Block& block, std::uint32_t index, const Runs& runs, std::span<std::byte> out);

}  // namespace tensorhold::tensor
