#include "base/checked.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace tensorhold::base {
namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

TEST(Checked, AddStopsAtTheEnd) {
  EXPECT_EQ(checked_add(most - 1, 1), most);
  EXPECT_EQ(checked_add(most, 0), most);
  EXPECT_FALSE(checked_add(most, 1));
  EXPECT_FALSE(checked_add(1, most));
}

TEST(Checked, MulStopsAtTheEnd) {
  EXPECT_EQ(checked_mul(most, 1), most);
  EXPECT_EQ(checked_mul(most, 0), 0U);
  EXPECT_EQ(checked_mul(0, most), 0U);
  EXPECT_EQ(checked_mul(std::uint64_t{1} << 32, (std::uint64_t{1} << 32) - 1),
            most - (std::uint64_t{1} << 32) + 1);
  EXPECT_FALSE(checked_mul(std::uint64_t{1} << 32, std::uint64_t{1} << 32));
}

TEST(Checked, AlignUpStopsAtTheEnd) {
  EXPECT_EQ(checked_align_up(0, 64), 0U);
  EXPECT_EQ(checked_align_up(1, 64), 64U);
  EXPECT_EQ(checked_align_up(64, 64), 64U);
  EXPECT_FALSE(checked_align_up(most - 5, 64));
}

}  // namespace
}  // namespace tensorhold::base
