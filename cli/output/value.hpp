// Elements as what they are: integers without rounding, complex numbers in one piece.
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "cli/output/json.hpp"
#include "tensorhold/dtype.hpp"

namespace tensorhold::cli {

using Complex = std::complex<double>;

/// An element, or what was computed of some. BOOL is an integer: a file may hold any byte.
using Value = std::variant<std::int64_t, std::uint64_t, double, Complex>;

/// Calls `call` with a zero of the type in Value that holds elements of `dtype` exactly.
template <class Call>
auto with_number_type(Dtype dtype, Call call) {
  switch (dtype) {
    case Dtype::i8:
    case Dtype::i16:
    case Dtype::i32:
    case Dtype::i64:
      return call(std::int64_t{});
    case Dtype::boolean:
    case Dtype::u8:
    case Dtype::u16:
    case Dtype::u32:
    case Dtype::u64:
      return call(std::uint64_t{});
    case Dtype::c64:
      return call(Complex{});
    default:
      return call(double{});
  }
}

/// The first `out.size()` elements of little-endian `bytes`. Preconditions: T is the type that
/// with_number_type() gives for `dtype`, and there are that many.
void to_numbers(Dtype dtype, std::span<const std::byte> bytes, std::span<std::int64_t> out);
void to_numbers(Dtype dtype, std::span<const std::byte> bytes, std::span<std::uint64_t> out);
void to_numbers(Dtype dtype, std::span<const std::byte> bytes, std::span<double> out);
void to_numbers(Dtype dtype, std::span<const std::byte> bytes, std::span<Complex> out);

/// The first `count` elements. Precondition: there are that many.
[[nodiscard]] std::vector<Value> first_values(Dtype dtype, std::span<const std::byte> bytes,
                                              std::size_t count);

/// Integers with all digits, others with at most 7; complex ones as "1-2j".
[[nodiscard]] std::string value_text(const Value& value);

/// Adds a number; of a complex one, the array of its parts.
void add_value(Json& json, const Value& value);

}  // namespace tensorhold::cli
