#include "cli/output/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <utility>

namespace tensorhold::cli {
namespace {

// A multiple of 4, so that a piece of any sub-byte type begins with a whole byte.
constexpr std::size_t piece_values = 4096;

bool is_nan(double value) { return std::isnan(value); }
bool is_nan(const Complex& value) { return std::isnan(value.real()) || std::isnan(value.imag()); }
bool is_finite(double value) { return std::isfinite(value); }
bool is_finite(const Complex& value) {
  return std::isfinite(value.real()) && std::isfinite(value.imag());
}
double product(double a, double b) { return a * b; }
double product(const Complex& a, const Complex& b) { return (a * std::conj(b)).real(); }

/// Of values of the type T.
template <class T>
class Collector {
 public:
  void add(T value) {
    const auto wide = static_cast<Wide>(value);
    ++found_.values;
    found_.zeros += value == T{} ? 1 : 0;
    if constexpr (!std::is_integral_v<T>) {
      if (!is_finite(wide)) {
        ++(is_nan(wide) ? found_.nans : found_.infinities);
        return;
      }
    }
    if constexpr (ordered) {
      min_ = finite_ == 0 ? value : std::min(min_, value);
      max_ = finite_ == 0 ? value : std::max(max_, value);
    }
    ++finite_;
    const Wide distance = wide - mean_;
    mean_ += distance / static_cast<double>(finite_);
    squares_ += product(distance, wide - mean_);
  }

  [[nodiscard]] Statistics result() const {
    Statistics result = found_;
    if (finite_ == 0) return result;
    if constexpr (ordered) {
      result.min = min_;
      result.max = max_;
    }
    result.mean = mean_;
    result.deviation = std::sqrt(squares_ / static_cast<double>(finite_));
    return result;
  }

 private:
  static constexpr bool ordered = !std::is_same_v<T, Complex>;
  using Wide = std::conditional_t<ordered, double, Complex>;

  Statistics found_;
  std::uint64_t finite_ = 0;
  T min_{};
  T max_{};
  Wide mean_{};
  double squares_ = 0;  // sum of squared distances from the mean, by Welford's method
};

template <class T>
Statistics collect(Dtype dtype, const NextPiece& next) {
  const std::size_t bits = bits_of(dtype);
  const std::size_t piece_bytes = piece_values * bits / 8;
  Collector<T> collector;
  std::array<T, piece_values> buffer;
  for (auto bytes = next(); !bytes.empty(); bytes = next()) {
    while (!bytes.empty()) {
      const std::size_t take = std::min(piece_bytes, bytes.size());
      const std::span<T> values(buffer.data(), take * 8 / bits);
      to_numbers(dtype, bytes.first(take), values);
      bytes = bytes.subspan(take);
      for (const T& value : values) collector.add(value);
    }
  }
  return collector.result();
}

}  // namespace

Statistics statistics_of(Dtype dtype, const NextPiece& next) {
  return with_number_type(dtype, [&](auto zero) { return collect<decltype(zero)>(dtype, next); });
}

Statistics statistics_of(Dtype dtype, std::span<const std::byte> bytes) {
  return statistics_of(dtype, [&] { return std::exchange(bytes, {}); });
}

std::string summary(const Statistics& found) {
  if (!found.mean) return "no finite value";
  std::string text;
  if (found.min && found.max)
    text = fmt::format("min {}, max {}, ", value_text(*found.min), value_text(*found.max));
  return text + "mean " + value_text(*found.mean);
}

}  // namespace tensorhold::cli
