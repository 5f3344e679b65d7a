#include "base/endian.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tensorhold::base {
namespace {

std::array<std::byte, 8> counted() {
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i + 1);
  return bytes;
}

std::string swapped(Dtype dtype) {
  auto bytes = counted();
  swap_elements(dtype, bytes);
  std::string text;
  for (const std::byte byte : bytes) text += static_cast<char>('0' + std::to_integer<int>(byte));
  return text;
}

TEST(Endian, ElementsAreReversedByTheirWidth) {
  EXPECT_EQ(swapped(Dtype::u8), "12345678");
  EXPECT_EQ(swapped(Dtype::f4), "12345678");
  EXPECT_EQ(swapped(Dtype::bf16), "21436587");
  EXPECT_EQ(swapped(Dtype::f32), "43218765");
  EXPECT_EQ(swapped(Dtype::f64), "87654321");
}

TEST(Endian, ComplexHalvesAreReversedEach) { EXPECT_EQ(swapped(Dtype::c64), "43218765"); }

TEST(Endian, LengthFieldIsLittleEndian) {
  const auto bytes = counted();
  EXPECT_EQ(load_little_u64(bytes), 0x0807060504030201U);
  std::array<std::byte, 8> stored{};
  store_little_u64(0x0807060504030201U, stored);
  EXPECT_EQ(stored, bytes);
}

}  // namespace
}  // namespace tensorhold::base
