// A file that others make shorter under a mapping: copies end in an error, not in a signal.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

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

/// Where the first error of a copy of `slice` is, in the file; 0: none was raised.
std::uint64_t lost_at(const Slice& slice) {
  try {
    (void)slice.copy();
    return 0;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::truncated);
    EXPECT_EQ(error.tensor(), "w");
    return error.offset().value_or(0);
  }
}

TEST(Truncated, CopiesOfScatteredPartsNameTheFirstLostByte) {
  constexpr std::uint64_t row_bytes = 200'000;
  const test::OneTensor made(Dtype::u8, {50, row_bytes}, Access::mapped);
  const Tensor tensor = made.file["w"];
  const std::uint64_t begin = made.file.info(0).offset;
  constexpr std::uint64_t pages = 65536;  // whole ones on every machine
  const std::uint64_t end = (begin + 30 * row_bytes + pages) / pages * pages;  // in row 30
  std::filesystem::resize_file(made.path, end);
  // In row 30 these columns are there still, and in row 31 no more.
  EXPECT_EQ(lost_at(tensor.slice({all, {100, 200}})), begin + 31 * row_bytes + 100);
  // Here the rows are read up to the end of the file.
  EXPECT_EQ(lost_at(tensor.slice({all, {100, none}})), end);
  EXPECT_EQ(lost_at(tensor.slice({{0, none, 10}, {5, none, 4}})), end);
  EXPECT_EQ(lost_at(tensor.slice({{0, 30}, {5, none, 4}})), 0U);
  EXPECT_EQ(tensor.slice({{0, 31}, {100, 200}}).copy().nbytes(), 3100U);
}

TEST(Truncated, CopiesUnderWayEndInAnError) {
  // Large enough for the file to become shorter in the middle of some copies.
  const test::OneTensor made(Dtype::u8, {2000, 20'000}, Access::mapped);
  const Tensor tensor = made.file["w"];
  std::atomic<bool> cut = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      const Slice columns = tensor.slice({all, {50, 5000}});
      while (lost_at(columns) == 0 && !cut) {
      }
      EXPECT_NE(lost_at(columns), 0U);
      EXPECT_EQ(lost_at(tensor.slice({{0, 10}, {50, 500}})), 0U);
    });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::filesystem::resize_file(made.path, 1'000'000);
  cut = true;
  for (std::thread& reader : readers) reader.join();
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
