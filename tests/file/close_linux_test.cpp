// What close() lets go of, as Linux shows it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "support/many_tensors.hpp"
#include "support/maps_linux.hpp"

namespace tensorhold {
namespace {

constexpr std::size_t words = 512 * 1024;  // 4 MiB a tensor
constexpr std::uint64_t tensor_bytes = words * 8;

TEST(CloseLinux, UnmapsWithTheLastTensor) {
  const test::ManyTensors made(4, 1000);
  const File file = made.open();
  Tensor tensor = file.at(1);
  Tensor view = file.writable(made.name(2));
  EXPECT_EQ(test::mappings_of(made.path()), 2U);
  file.close();
  EXPECT_EQ(test::descriptors_of(made.path()), 1U);  // the mappings', to ask what the file has
  EXPECT_EQ(test::mappings_of(made.path()), 2U);
  view = Tensor();
  EXPECT_EQ(test::mappings_of(made.path()), 1U);
  tensor = Tensor();
  EXPECT_EQ(test::mappings_of(made.path()), 0U);
  EXPECT_EQ(test::descriptors_of(made.path()), 0U);
  EXPECT_EQ(file.size(), 4U);
}

TEST(CloseLinux, PrivatePagesOfDeadViewsAreFreed) {
  const test::ManyTensors made(4, words);
  const File file = made.open();
  std::vector<Tensor> views;
  for (std::size_t i = 0; i < 4; ++i) {
    views.push_back(file.writable(made.name(i)));
    std::ranges::fill(views[i].writable_bytes(), std::byte{static_cast<unsigned char>(i)});
  }
  const void* const first = views[0].bytes().data();
  const auto used = [&] { return test::use_of(first, 4 * tensor_bytes); };
  const auto intact = [&](std::size_t i) {
    return std::ranges::all_of(views[i].bytes(), [&](std::byte b) {
      return b == std::byte{static_cast<unsigned char>(i)};
    });
  };
  EXPECT_EQ(used().anonymous_bytes, 4 * tensor_bytes);
  views[1] = Tensor();
  EXPECT_EQ(used().anonymous_bytes, 4 * tensor_bytes);  // it may be asked for again
  file.close();
  EXPECT_EQ(used().anonymous_bytes, 3 * tensor_bytes);
  views[2] = Tensor();
  EXPECT_EQ(used().anonymous_bytes, 2 * tensor_bytes);
  EXPECT_EQ(used().mappings, 1U);
  EXPECT_TRUE(intact(0));
  EXPECT_TRUE(intact(3));
  // What is left can still be released.
  EXPECT_EQ(release(made.path()).tensors, 2U);
  EXPECT_EQ(test::mappings_of(made.path()), 0U);
  EXPECT_TRUE(intact(0));
  EXPECT_TRUE(intact(3));
  EXPECT_EQ(used().anonymous_bytes, 2 * tensor_bytes);
}

// Neighbours in one page: it stays while one of them lives.
TEST(CloseLinux, APageThatALiveTensorSharesStays) {
  const test::ManyTensors made(64, 100);
  const File file = made.open();
  std::vector<Tensor> views;
  for (std::size_t i = 0; i < 64; ++i) {
    views.push_back(file.writable(made.name(i)));
    std::ranges::fill(views[i].writable_bytes(), std::byte{7});
  }
  for (std::size_t i = 0; i < 64; i += 2) views[i] = Tensor();
  file.close();
  for (std::size_t i = 1; i < 63; i += 4) views[i] = Tensor();
  for (std::size_t i = 3; i < 64; i += 4)
    EXPECT_TRUE(std::ranges::all_of(views[i].bytes(), [](std::byte b) {
      return b == std::byte{7};
    })) << i;
}

}  // namespace
}  // namespace tensorhold
