// Typed views: only of the exact dtype, and only where the type may stand.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "support/one_tensor.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

/// A file's bytes with an F32 tensor that begins one byte too late for a float.
std::vector<std::byte> misaligned_file() {
  std::string header =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})";
  while (header.size() % 8 != 0) header += ' ';
  std::string file(8, '\0');
  file[0] = static_cast<char>(header.size());
  file += header;
  file += '\7';
  const float values[2] = {1.5F, -2.0F};
  file.append(reinterpret_cast<const char*>(values), sizeof(values));
  std::vector<std::byte> bytes(file.size());
  std::memcpy(bytes.data(), file.data(), file.size());
  return bytes;
}

TEST(Typed, OtherDtypesAreRefused) {
  const test::OneTensor made(Dtype::f32, {4}, Access::mapped);
  const Tensor tensor = made.file["w"];
  EXPECT_EQ(tensor.as<float>().size(), 4U);
  try {
    (void)tensor.as<std::int32_t>();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::dtype_mismatch);
    EXPECT_EQ(error.tensor(), "w");
    EXPECT_EQ(error.path(), made.path);
  }
}

TEST(Typed, BooleansAreReadAsBytes) {
  const test::OneTensor made(Dtype::boolean, {4}, Access::mapped);
  const Tensor tensor = made.file["w"];
  EXPECT_EQ(tensor.as<std::uint8_t>().size(), 4U);
}

TEST(Typed, MisalignedDataIsRefusedAndItsCopyIsNot) {
  const File file = open_bytes(misaligned_file());
  const Tensor tensor = file["w"];
  if (reinterpret_cast<std::uintptr_t>(tensor.bytes().data()) % alignof(float) == 0)
    GTEST_SKIP() << "the memory happens to be odd, so the data is aligned";
  try {
    (void)tensor.as<float>();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::misaligned);
    EXPECT_NE(error.advice().find("copy()"), std::string::npos);
  }
  const Tensor copy = tensor.copy();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(copy.bytes().data()) % 64, 0U);
  EXPECT_EQ(copy.as<float>()[0], 1.5F);
  EXPECT_EQ(copy.as<float>()[1], -2.0F);
}

TEST(Typed, EmptyTensorsHaveNoAlignment) {
  const test::OneTensor made(Dtype::f64, {0, 3}, Access::mapped);
  const Tensor tensor = made.file["w"];
  EXPECT_TRUE(tensor.as<double>().empty());
}

}  // namespace
}  // namespace tensorhold
