// Collects the runs of a slice into one piece of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/runs.hpp"
#include "hold/block/block.hpp"

namespace tensorhold::tensor {

using base::Runs;

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

/// Copies the runs, one after the other, into `out`, which has runs.nbytes(). Runs that lie
/// close together are read in one go through a bounded buffer. Raises what Bytes::read raises.
void gather(Bytes& bytes, const Runs& runs, std::span<std::byte> out);

/// The same, of a live tensor: at once where its block can. Raises what hold::Block::read raises.
void gather(hold::Block& block, std::uint32_t index, const Runs& runs, std::span<std::byte> out);

}  // namespace tensorhold::tensor
