#include "cli/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "tensorhold/numeric.hpp"

namespace tensorhold::cli {
namespace {

// A multiple of 4, so that a piece of any sub-byte type begins with a whole byte.
constexpr std::size_t piece_values = 4096;

}  // namespace

Statistics statistics_of(Dtype dtype, std::span<const std::byte> bytes) {
  const std::size_t bits = dtype == Dtype::c64 ? 32 : bits_of(dtype);
  const std::size_t piece_bytes = piece_values * bits / 8;
  Statistics result;
  std::uint64_t finite = 0;
  double squares = 0;  // sum of squared distances from the mean, by Welford's method
  std::array<double, piece_values> buffer;
  while (!bytes.empty()) {
    const std::size_t take = std::min(piece_bytes, bytes.size());
    const std::span<double> values(buffer.data(), take * 8 / bits);
    to_doubles(dtype, bytes.first(take), values);
    bytes = bytes.subspan(take);
    for (const double value : values) {
      ++result.values;
      result.zeros += value == 0 ? 1 : 0;
      result.nans += std::isnan(value) ? 1 : 0;
      result.infinities += std::isinf(value) ? 1 : 0;
      if (!std::isfinite(value)) continue;
      result.min = finite == 0 ? value : std::min(result.min, value);
      result.max = finite == 0 ? value : std::max(result.max, value);
      ++finite;
      const double distance = value - result.mean;
      result.mean += distance / static_cast<double>(finite);
      squares += distance * (value - result.mean);
    }
  }
  if (finite != 0) result.deviation = std::sqrt(squares / static_cast<double>(finite));
  return result;
}

}  // namespace tensorhold::cli
