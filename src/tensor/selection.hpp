// Which bytes of a tensor a slice is.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tensorhold/dtype.hpp"
#include "tensorhold/slice.hpp"

namespace tensorhold::tensor {

/// What is cut, and what it is called in errors.
struct Subject {
  Dtype dtype = Dtype::u8;
  std::span<const std::uint64_t> shape = {};
  std::string_view name = {};
  std::string_view path = {};
};

/// A part as nested loops over the tensor's bytes: `run_bytes` contiguous bytes, repeated over
/// `counts` with `strides` (bytes, outermost first), the first at `offset`. No count is below 2;
/// one run has none.
struct Selection {
  std::vector<std::uint64_t> shape;  ///< of the part
  std::uint64_t size = 0;            ///< elements
  std::uint64_t nbytes = 0;
  std::uint64_t offset = 0;
  std::uint64_t run_bytes = 0;
  std::vector<std::uint64_t> counts;
  std::vector<std::uint64_t> strides;
};

/// Raises invalid_slice when the shape has no such part, or when the part of a sub-byte dtype does
/// not begin and end on whole bytes.
[[nodiscard]] Selection select(const Subject& subject, std::span<const Index> indices);

}  // namespace tensorhold::tensor
