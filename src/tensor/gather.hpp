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

/// Where the bytes of a tensor come from. Used by one thread at a time.
class Bytes {
 public:
  Bytes() = default;
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  /// Fills `out` with bytes from `from` on, counted from the tensor's first.
  virtual void read(std::uint64_t from, std::span<std::byte> out) = 0;
  /// The tensor's first byte, where it can be read directly; else null.
  [[nodiscard]] virtual const std::byte* in_memory() noexcept = 0;

 protected:
  ~Bytes() = default;
};

/// Copies the runs, one after the other, into `out`, which has their total size. Runs that lie
/// close together are read in one go through a bounded buffer. Raises what Bytes::read raises.
void gather(Bytes& bytes, const Runs& runs, std::span<std::byte> out);

/// The same, of a live tensor. Raises what hold::Block::read raises.
void gather(hold::Block& block, std::uint32_t index, const Runs& runs, std::span<std::byte> out);

}  // namespace tensorhold::tensor
