// Values of storage-only element types, every pattern of them.
#include "tensorhold/numeric.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

namespace tensorhold {
namespace {

/// Value by the textbook, in double: (-1)^s * 2^(e - bias) * 1.m, or 2^(1 - bias) * 0.m.
double textbook(unsigned bits, int exponent_bits, int mantissa_bits, int bias) {
  const double fraction =
      static_cast<double>(bits % (1U << mantissa_bits)) / static_cast<double>(1U << mantissa_bits);
  const int exponent = static_cast<int>(bits >> mantissa_bits) % (1 << exponent_bits);
  const double sign = (bits >> (mantissa_bits + exponent_bits)) % 2 == 0 ? 1.0 : -1.0;
  if (exponent == 0) return sign * std::pow(2.0, 1 - bias) * fraction;
  return sign * std::pow(2.0, exponent - bias) * (1.0 + fraction);
}

void expect_same(double seen, double expected, unsigned bits) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(seen)) << bits;
  } else {
    EXPECT_EQ(seen, expected) << bits;
    EXPECT_EQ(std::signbit(seen), std::signbit(expected)) << bits;
  }
}

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(Numeric, F16) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    double expected = textbook(bits, 5, 10, 15);
    if (bits >> 10 == 31) expected = bits % 1024 == 0 ? infinity : nan;
    if (bits >> 10 == 63) expected = bits % 1024 == 0 ? -infinity : nan;
    expect_same(to_float(f16{static_cast<std::uint16_t>(bits)}), expected, bits);
  }
}

TEST(Numeric, BF16) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    double expected = textbook(bits, 8, 7, 127);
    if (bits >> 7 == 255) expected = bits % 128 == 0 ? infinity : nan;
    if (bits >> 7 == 511) expected = bits % 128 == 0 ? -infinity : nan;
    expect_same(to_float(bf16{static_cast<std::uint16_t>(bits)}), expected, bits);
  }
}

TEST(Numeric, F8) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    const auto byte = static_cast<std::uint8_t>(bits);
    double e5m2 = textbook(bits, 5, 2, 15);
    if (bits % 128 >= 124) e5m2 = bits % 4 != 0 ? nan : bits < 128 ? infinity : -infinity;
    expect_same(to_float(f8_e5m2{byte}), e5m2, bits);
    expect_same(to_float(f8_e4m3{byte}), bits % 128 == 127 ? nan : textbook(bits, 4, 3, 7), bits);
    expect_same(to_float(f8_e8m0{byte}), bits == 255 ? nan : std::pow(2.0, bits - 127.0), bits);
    expect_same(to_float(f8_e4m3fnuz{byte}), bits == 128 ? nan : textbook(bits, 4, 3, 8), bits);
    expect_same(to_float(f8_e5m2fnuz{byte}), bits == 128 ? nan : textbook(bits, 5, 2, 16), bits);
  }
}

TEST(Numeric, LargestValuesAreThoseOfTheSpecifications) {
  EXPECT_EQ(to_float(f16{0x7BFF}), 65504.0F);
  EXPECT_EQ(to_float(f8_e5m2{0x7B}), 57344.0F);
  EXPECT_EQ(to_float(f8_e4m3{0x7E}), 448.0F);
  EXPECT_EQ(to_float(f8_e4m3fnuz{0x7F}), 240.0F);
  EXPECT_EQ(to_float(f8_e5m2fnuz{0x7F}), 57344.0F);
}

std::vector<double> doubles(Dtype dtype, std::vector<unsigned char> bytes, std::size_t count) {
  std::vector<double> values(count, -1);
  to_doubles(dtype, std::as_bytes(std::span(bytes)), values);
  return values;
}

TEST(Numeric, SubByteElementsArePackedFromTheLowBitsUp) {
  for (unsigned bits = 0; bits < 16; ++bits) {
    const auto values = doubles(Dtype::f4, {static_cast<unsigned char>(bits << 4 | 2)}, 2);
    EXPECT_EQ(values[0], 1.0);
    expect_same(values[1], textbook(bits, 2, 1, 1), bits);
  }
  for (unsigned bits = 0; bits < 64; ++bits) {
    // Elements 1, bits, 0, bits in three bytes.
    const std::uint32_t packed = 1U | bits << 6 | bits << 18;
    const std::vector<unsigned char> bytes{static_cast<unsigned char>(packed),
                                           static_cast<unsigned char>(packed >> 8),
                                           static_cast<unsigned char>(packed >> 16)};
    const auto e2m3 = doubles(Dtype::f6_e2m3, bytes, 4);
    EXPECT_EQ(e2m3[0], 0.125);
    expect_same(e2m3[1], textbook(bits, 2, 3, 1), bits);
    EXPECT_EQ(e2m3[2], 0.0);
    expect_same(e2m3[3], textbook(bits, 2, 3, 1), bits);
    expect_same(doubles(Dtype::f6_e3m2, bytes, 4)[3], textbook(bits, 3, 2, 3), bits);
  }
}

template <class T>
void expect_numbers(Dtype dtype, const std::vector<T>& numbers) {
  std::vector<double> values(numbers.size());
  to_doubles(dtype, std::as_bytes(std::span(numbers)), values);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    EXPECT_EQ(values[i], static_cast<double>(numbers[i])) << to_string(dtype);
}

template <class T>
std::vector<T> edges() {
  return {std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max(), T{0}, T{1}};
}

TEST(Numeric, NumbersOfTheLanguage) {
  expect_numbers(Dtype::u8, edges<std::uint8_t>());
  expect_numbers(Dtype::i8, edges<std::int8_t>());
  expect_numbers(Dtype::u16, edges<std::uint16_t>());
  expect_numbers(Dtype::i16, edges<std::int16_t>());
  expect_numbers(Dtype::u32, edges<std::uint32_t>());
  expect_numbers(Dtype::i32, edges<std::int32_t>());
  expect_numbers(Dtype::u64, edges<std::uint64_t>());
  expect_numbers(Dtype::i64, edges<std::int64_t>());
  expect_numbers(Dtype::f32, edges<float>());
  expect_numbers(Dtype::f64, edges<double>());
  expect_numbers(Dtype::c64, edges<float>());
}

TEST(Numeric, AnyByteButZeroIsTrue) {
  EXPECT_EQ(doubles(Dtype::boolean, {0, 1, 2, 255}, 4), (std::vector<double>{0, 1, 1, 1}));
}

TEST(Numeric, StorageTypesThroughBytes) {
  EXPECT_EQ(doubles(Dtype::f16, {0x00, 0x3C, 0x00, 0xC0}, 2), (std::vector<double>{1, -2}));
  EXPECT_EQ(doubles(Dtype::bf16, {0x80, 0x3F}, 1), (std::vector<double>{1}));
  EXPECT_EQ(doubles(Dtype::f8_e4m3, {0x38}, 1), (std::vector<double>{1}));
  EXPECT_EQ(doubles(Dtype::f8_e5m2, {0x3C}, 1), (std::vector<double>{1}));
  EXPECT_EQ(doubles(Dtype::f8_e8m0, {127}, 1), (std::vector<double>{1}));
  EXPECT_EQ(doubles(Dtype::f8_e4m3fnuz, {0x40}, 1), (std::vector<double>{1}));
  EXPECT_EQ(doubles(Dtype::f8_e5m2fnuz, {0x40}, 1), (std::vector<double>{1}));
}

}  // namespace
}  // namespace tensorhold
