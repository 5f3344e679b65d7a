// What a tensor's values look like as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "cli/output/value.hpp"
#include "tensorhold/dtype.hpp"

namespace tensorhold::cli {

/// Of the finite values, but for the counts; without one there is neither minimum, maximum, mean
/// nor deviation. Complex numbers have no order, and so neither minimum nor maximum; they count as
/// NaN when a part of them is, else as infinite when one is.
struct Statistics {
  std::uint64_t values = 0;  ///< all
  std::uint64_t zeros = 0;
  std::uint64_t nans = 0;
  std::uint64_t infinities = 0;
  std::optional<Value> min;  ///< of the type of the values
  std::optional<Value> max;
  std::optional<Value> mean;        ///< double or Complex
  std::optional<double> deviation;  ///< standard deviation, of the population
};

/// Of little-endian elements; converts them piece by piece, so memory does not grow with `bytes`.
[[nodiscard]] Statistics statistics_of(Dtype dtype, std::span<const std::byte> bytes);

/// The next bytes, of whole elements; an empty piece ends them.
using NextPiece = std::function<std::span<const std::byte>()>;
/// The same of bytes that come in pieces.
[[nodiscard]] Statistics statistics_of(Dtype dtype, const NextPiece& next);

/// "min 1, max 3, mean 2" with what there is of it; else "no finite value".
[[nodiscard]] std::string summary(const Statistics& found);

}  // namespace tensorhold::cli
