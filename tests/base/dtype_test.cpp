#include "tensorhold/dtype.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tensorhold {
namespace {

TEST(Dtype, NamesAndBitsAreTheFormats) {
  const std::pair<const char*, unsigned> expected[] = {
      {"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
      {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
      {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
      {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
      {"I64", 64},        {"U64", 64}};
  ASSERT_EQ(std::size(expected), dtype_count);
  for (std::size_t i = 0; i < dtype_count; ++i) {
    const auto dtype = static_cast<Dtype>(i);
    EXPECT_EQ(to_string(dtype), expected[i].first);
    EXPECT_EQ(bits_of(dtype), expected[i].second) << expected[i].first;
    EXPECT_EQ(dtype_from_string(expected[i].first), dtype);
  }
}

TEST(Dtype, OtherNamesAreNone) {
  for (const char* name : {"", "f32", "F32 ", "F33", "BOOLEAN", "float32"})
    EXPECT_FALSE(dtype_from_string(name)) << name;
}

TEST(Dtype, ElementTypesHaveTheirDtypesSize) {
  EXPECT_EQ(sizeof(bf16) * 8, bits_of(dtype_of<bf16>));
  EXPECT_EQ(sizeof(f8_e8m0) * 8, bits_of(dtype_of<f8_e8m0>));
  EXPECT_EQ(sizeof(std::complex<float>) * 8, bits_of(dtype_of<std::complex<float>>));
  EXPECT_EQ(sizeof(double) * 8, bits_of(dtype_of<double>));
}

}  // namespace
}  // namespace tensorhold
