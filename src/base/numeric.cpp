#include "tensorhold/numeric.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace tensorhold {
inline namespace v0 {
namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// A sign bit, then exponent, then mantissa; subnormals; every pattern is finite.
struct MiniFloat {
  int exponent_bits;
  int mantissa_bits;
  int bias;
};

float finite(std::uint32_t bits, const MiniFloat& format) noexcept {
  const std::uint32_t mantissa = bits & ((1U << format.mantissa_bits) - 1);
  const std::uint32_t exponent =
      (bits >> format.mantissa_bits) & ((1U << format.exponent_bits) - 1);
  const bool negative = (bits >> (format.mantissa_bits + format.exponent_bits) & 1U) != 0;
  const std::uint32_t significand =
      exponent == 0 ? mantissa : mantissa | 1U << format.mantissa_bits;
  const int power = static_cast<int>(exponent == 0 ? 1 : exponent) - format.bias;
  const float size = std::ldexp(static_cast<float>(significand), power - format.mantissa_bits);
  return negative ? -size : size;
}

constexpr MiniFloat f16_format{5, 10, 15};
constexpr MiniFloat e4m3_format{4, 3, 7};
constexpr MiniFloat e4m3fnuz_format{4, 3, 8};
constexpr MiniFloat e5m2fnuz_format{5, 2, 16};
constexpr MiniFloat e2m1_format{2, 1, 1};
constexpr MiniFloat e2m3_format{2, 3, 1};
constexpr MiniFloat e3m2_format{3, 2, 3};

template <class T>
T load(const std::byte* bytes) noexcept {
  T value;
  std::array<std::byte, sizeof(T)> raw;
  std::memcpy(raw.data(), bytes, sizeof(T));
  if constexpr (std::endian::native == std::endian::big)
    for (std::size_t i = 0; i < sizeof(T) / 2; ++i) std::swap(raw[i], raw[sizeof(T) - 1 - i]);
  std::memcpy(&value, raw.data(), sizeof(T));
  return value;
}

template <class T, class Convert>
void convert_each(std::span<const std::byte> bytes, std::span<double> values, Convert convert) {
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = convert(load<T>(bytes.data() + i * sizeof(T)));
}

template <class T>
void convert_numbers(std::span<const std::byte> bytes, std::span<double> values) {
  convert_each<T>(bytes, values, [](T value) { return static_cast<double>(value); });
}

template <class T>
void convert_storage(std::span<const std::byte> bytes, std::span<double> values) {
  convert_each<decltype(T::bits)>(bytes, values,
                                  [](auto bits) { return double{to_float(T{bits})}; });
}

/// Elements of fewer than 8 bits, packed from the low bits of the first byte up.
void convert_packed(std::span<const std::byte> bytes, std::span<double> values, unsigned width,
                    const MiniFloat& format) {
  std::uint32_t window = 0;  // bits that were read and not used
  unsigned have = 0;
  std::size_t next = 0;
  for (double& value : values) {
    if (have < width) {
      window |= std::to_integer<std::uint32_t>(bytes[next++]) << have;
      have += 8;
    }
    value = finite(window & ((1U << width) - 1), format);
    window >>= width;
    have -= width;
  }
}

}  // namespace

float to_float(f16 value) noexcept {
  const std::uint32_t bits = value.bits;
  if ((bits & 0x7C00U) != 0x7C00U) return finite(bits, f16_format);
  // Infinity, or a NaN whose payload moves up.
  return std::bit_cast<float>((bits & 0x8000U) << 16 | 0x7F80'0000U | (bits & 0x3FFU) << 13);
}

float to_float(bf16 value) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

float to_float(f8_e5m2 value) noexcept {
  return to_float(f16{static_cast<std::uint16_t>(value.bits << 8)});
}

float to_float(f8_e4m3 value) noexcept {
  return (value.bits & 0x7FU) == 0x7FU ? not_a_number : finite(value.bits, e4m3_format);
}

float to_float(f8_e8m0 value) noexcept {
  return value.bits == 0xFF ? not_a_number : std::ldexp(1.0F, value.bits - 127);
}

float to_float(f8_e4m3fnuz value) noexcept {
  return value.bits == 0x80 ? not_a_number : finite(value.bits, e4m3fnuz_format);
}

float to_float(f8_e5m2fnuz value) noexcept {
  return value.bits == 0x80 ? not_a_number : finite(value.bits, e5m2fnuz_format);
}

void to_doubles(Dtype dtype, std::span<const std::byte> bytes, std::span<double> values) noexcept {
  switch (dtype) {
    case Dtype::boolean:
      return convert_each<std::uint8_t>(bytes, values, [](auto bits) { return bits ? 1.0 : 0.0; });
    case Dtype::f4:
      return convert_packed(bytes, values, 4, e2m1_format);
    case Dtype::f6_e2m3:
      return convert_packed(bytes, values, 6, e2m3_format);
    case Dtype::f6_e3m2:
      return convert_packed(bytes, values, 6, e3m2_format);
    case Dtype::u8:
      return convert_numbers<std::uint8_t>(bytes, values);
    case Dtype::i8:
      return convert_numbers<std::int8_t>(bytes, values);
    case Dtype::f8_e5m2:
      return convert_storage<f8_e5m2>(bytes, values);
    case Dtype::f8_e4m3:
      return convert_storage<f8_e4m3>(bytes, values);
    case Dtype::f8_e8m0:
      return convert_storage<f8_e8m0>(bytes, values);
    case Dtype::f8_e4m3fnuz:
      return convert_storage<f8_e4m3fnuz>(bytes, values);
    case Dtype::f8_e5m2fnuz:
      return convert_storage<f8_e5m2fnuz>(bytes, values);
    case Dtype::i16:
      return convert_numbers<std::int16_t>(bytes, values);
    case Dtype::u16:
      return convert_numbers<std::uint16_t>(bytes, values);
    case Dtype::f16:
      return convert_storage<f16>(bytes, values);
    case Dtype::bf16:
      return convert_storage<bf16>(bytes, values);
    case Dtype::i32:
      return convert_numbers<std::int32_t>(bytes, values);
    case Dtype::u32:
      return convert_numbers<std::uint32_t>(bytes, values);
    case Dtype::f32:
    case Dtype::c64:  // two floats an element; the caller asks for twice as many values
      return convert_numbers<float>(bytes, values);
    case Dtype::f64:
      return convert_numbers<double>(bytes, values);
    case Dtype::i64:
      return convert_numbers<std::int64_t>(bytes, values);
    case Dtype::u64:
      return convert_numbers<std::uint64_t>(bytes, values);
  }
}

}  // namespace v0
}  // namespace tensorhold
