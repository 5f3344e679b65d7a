#include "cli/output/value.hpp"

#include <fmt/format.h>

#include <type_traits>

#include "tensorhold/numeric.hpp"

namespace tensorhold::cli {
namespace {

/// Of elements of `width` bytes; known to the compiler, which makes one load of it.
template <std::size_t width, class T>
void to_integers(std::span<const std::byte> bytes, std::span<T> out) {
  constexpr unsigned unused = 64 - 8 * width;
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint64_t bits = 0;
    for (std::size_t byte = 0; byte < width; ++byte)
      bits |= std::to_integer<std::uint64_t>(bytes[i * width + byte]) << (8 * byte);
    // Down again as T, which brings the sign along.
    out[i] = static_cast<T>(bits << unused) >> unused;
  }
}

template <class T>
void to_integers(Dtype dtype, std::span<const std::byte> bytes, std::span<T> out) {
  switch (bits_of(dtype)) {
    case 8:
      return to_integers<1>(bytes, out);
    case 16:
      return to_integers<2>(bytes, out);
    case 32:
      return to_integers<4>(bytes, out);
    default:
      return to_integers<8>(bytes, out);
  }
}

struct Text {
  std::string operator()(double value) const { return fmt::format("{:.7g}", value); }
  std::string operator()(const Complex& value) const {
    return fmt::format("{:.7g}{:+.7g}j", value.real(), value.imag());
  }
  template <class Integer>
  std::string operator()(Integer value) const {
    return std::to_string(value);
  }
};

struct Added {
  Json& json;
  void operator()(const Complex& value) const {
    json.begin_array().number(value.real()).number(value.imag()).end_array();
  }
  template <class Number>
  void operator()(Number value) const {
    json.number(value);
  }
};

}  // namespace

void to_numbers(Dtype dtype, std::span<const std::byte> bytes, std::span<std::int64_t> out) {
  to_integers(dtype, bytes, out);
}

void to_numbers(Dtype dtype, std::span<const std::byte> bytes, std::span<std::uint64_t> out) {
  to_integers(dtype, bytes, out);
}

void to_numbers(Dtype dtype, std::span<const std::byte> bytes, std::span<double> out) {
  to_doubles(dtype, bytes, out);
}

void to_numbers(Dtype dtype, std::span<const std::byte> bytes, std::span<Complex> out) {
  // The standard lets an array of complex numbers be used as one of their parts.
  to_doubles(dtype, bytes, std::span(reinterpret_cast<double*>(out.data()), 2 * out.size()));
}

std::vector<Value> first_values(Dtype dtype, std::span<const std::byte> bytes, std::size_t count) {
  return with_number_type(dtype, [&](auto zero) {
    std::vector<decltype(zero)> numbers(count);
    to_numbers(dtype, bytes, std::span(numbers));
    return std::vector<Value>(numbers.begin(), numbers.end());
  });
}

std::string value_text(const Value& value) { return std::visit(Text{}, value); }

void add_value(Json& json, const Value& value) { std::visit(Added{json}, value); }

}  // namespace tensorhold::cli
