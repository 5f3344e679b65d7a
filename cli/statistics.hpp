// What a tensor's values look like as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensorhold/dtype.hpp"

namespace tensorhold::cli {

/// Of the finite values, but for the counts. Without a finite value min, max, mean and deviation
/// are 0.
struct Statistics {
  std::uint64_t values = 0;  ///< all; of C64 real and imaginary parts are counted as two
  std::uint64_t zeros = 0;
  std::uint64_t nans = 0;
  std::uint64_t infinities = 0;
  double min = 0;
  double max = 0;
  double mean = 0;
  double deviation = 0;  ///< standard deviation, of the population
};

/// Of little-endian elements; converts them piece by piece, so memory does not grow with `bytes`.
[[nodiscard]] Statistics statistics_of(Dtype dtype, std::span<const std::byte> bytes);

}  // namespace tensorhold::cli
