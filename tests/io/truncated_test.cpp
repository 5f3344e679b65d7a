// A file that others make shorter under a mapping: copies end in an error, not in a signal.
#include <gtest/gtest.h>

#include <filesystem>

#include "support/one_tensor.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

TEST(Truncated, CopiesOfMappedTensorsAreErrors) {
  const test::OneTensor made(Dtype::u8, {100'000}, Access::mapped);
  const Tensor tensor = made.file["w"];
  std::filesystem::resize_file(made.path, 50'000);
  try {
    (void)tensor.copy();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::truncated);
    EXPECT_EQ(error.path(), made.path);
    EXPECT_EQ(error.tensor(), "w");
    EXPECT_GE(error.offset().value_or(0), 50'000U);
  }
  EXPECT_EQ(tensor.slice({{0, 1000}}).copy().nbytes(), 1000U);
  EXPECT_THROW((void)tensor.slice({{0, none, 2}}).copy(), Error);
}

TEST(Truncated, ReadsOfOwnedTensorsAreErrors) {
  const test::OneTensor made(Dtype::u8, {100'000}, Access::owned);
  const Tensor tensor = made.file["w"];
  std::filesystem::resize_file(made.path, 50'000);
  try {
    (void)tensor.bytes();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::unexpected_end);
  }
}

}  // namespace
}  // namespace tensorhold
