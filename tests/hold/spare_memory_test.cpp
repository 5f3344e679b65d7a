#include "hold/memory/spare_memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <new>
#include <vector>

#include "filled.hpp"
#include "hold/memory/owned_memory.hpp"
#include "os/file/mapping.hpp"
#include "os/memory/memory.hpp"

namespace tensorhold::hold {
namespace {

constexpr std::size_t kibibyte = std::size_t{1} << 10;
constexpr std::size_t mebibyte = std::size_t{1} << 20;

constexpr std::size_t sizes[] = {0,
                                 1,
                                 63,
                                 4097,
                                 largest_shared_copy,
                                 largest_shared_copy + 1,
                                 300'000,
                                 mebibyte,
                                 2 * mebibyte - 1,
                                 2 * mebibyte,
                                 2 * mebibyte + 1,
                                 5'000'000,
                                 most_spare_bytes,
                                 most_spare_bytes + 1};

using Filled = test::Filled<allocate_copy>;

/// Where a copy of this size lay, which is dropped by then.
std::uintptr_t address_of_dropped(std::size_t nbytes) {
  return reinterpret_cast<std::uintptr_t>(Filled(nbytes, 1).memory.get());
}

class SpareMemory : public ::testing::Test {
 protected:
  /// Fills all that may wait with mappings that fit no copy of a test, which are evicted first.
  void SetUp() override {
    const std::size_t page = os::page_size();
    std::byte* const probe = os::map_memory(page, page, os::Pages::plain);
    ASSERT_NE(probe, nullptr);
    lends_ = os::lend_memory(probe, page);
    os::unmap_memory(probe, page);
    (void)address_of_dropped(most_spare_bytes);
  }
  [[nodiscard]] bool lends() const { return lends_; }

 private:
  bool lends_ = false;
};

#define TENSORHOLD_NEEDS_LENDING() \
  if (!lends()) GTEST_SKIP() << "this system has no way to lend it memory"

TEST_F(SpareMemory, IsAlignedAndNeverNull) {
  for (int round = 0; round < 2; ++round) {  // new, and used again
    for (const std::size_t size : sizes) {
      const CopyMemory memory = allocate_copy(size);
      ASSERT_NE(memory.get(), nullptr) << size;
      const std::size_t alignment =
          size >= own_mapping_bytes ? os::huge_page_bytes : owned_alignment;
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.get()) % alignment, 0U) << size;
    }
  }
}

TEST_F(SpareMemory, IsRefusedWithAnExceptionWhenThereCannotBeSoMuch) {
  EXPECT_THROW((void)allocate_copy(SIZE_MAX / 2), std::bad_alloc);
  EXPECT_THROW((void)allocate_copy(SIZE_MAX - 100), std::bad_alloc);
  EXPECT_THROW((void)allocate_copy(SIZE_MAX), std::bad_alloc);
}

TEST_F(SpareMemory, OfADroppedCopyIsUsedAgain) {
  TENSORHOLD_NEEDS_LENDING();
  for (const std::size_t size : sizes) {
    if (size <= largest_shared_copy || size > most_spare_bytes) continue;
    const std::uintptr_t first = address_of_dropped(size);
    EXPECT_EQ(first, address_of_dropped(size)) << size;
  }
}

TEST_F(SpareMemory, OfALargerCopyIsUsedUpToAQuarterMore) {
  TENSORHOLD_NEEDS_LENDING();
  const std::uintptr_t first = address_of_dropped(5 * mebibyte);
  const auto again = [&](std::size_t nbytes) { return address_of_dropped(nbytes) == first; };
  EXPECT_TRUE(again(5 * mebibyte - 1));
  EXPECT_TRUE(again(4 * mebibyte));
  EXPECT_TRUE(again(5 * mebibyte));  // the whole of it, not what the last copy needed
  EXPECT_FALSE(again(5 * mebibyte + 1));
  EXPECT_FALSE(again(4 * mebibyte - 2 * os::page_size()));
}

TEST_F(SpareMemory, ThatFitsBestIsTaken) {
  TENSORHOLD_NEEDS_LENDING();
  CopyMemory small = allocate_copy(mebibyte);
  CopyMemory large = allocate_copy(mebibyte + 200 * kibibyte);
  const std::byte* const small_address = small.get();
  const std::byte* const large_address = large.get();
  small.reset();
  large.reset();
  small = allocate_copy(mebibyte);
  large = allocate_copy(mebibyte + 200 * kibibyte);
  EXPECT_EQ(small.get(), small_address);
  EXPECT_EQ(large.get(), large_address);
}

TEST_F(SpareMemory, OfTwoCopiesInTurnIsUsedAgain) {
  TENSORHOLD_NEEDS_LENDING();
  std::vector<const std::byte*> seen;
  CopyMemory part;
  for (int i = 0; i < 20; ++i) {
    part = allocate_copy(16 * mebibyte);  // the one before is dropped after it was made
    seen.push_back(part.get());
  }
  std::ranges::sort(seen);
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  EXPECT_EQ(seen.size(), 2U);
}

// What was dropped beside them never takes bytes from those that live, nor is it given out twice.
TEST_F(SpareMemory, DroppedInAnyOrderLeavesTheOthersWhole) {
  const auto size = [](auto& random, unsigned round) {
    return round % 50 == 0 ? sizes[random() % std::size(sizes)] : random() % (900 * kibibyte);
  };
  EXPECT_EQ((test::lost_in_any_order<allocate_copy>(600, 12, 40, size)), 0U);
}

TEST_F(SpareMemory, ByManyThreadsWithCopiesThatChangeHands) {
  const auto size = [](auto& random, unsigned) {
    return 260 * kibibyte + random() % (100 * kibibyte);
  };
  EXPECT_EQ((test::lost_by_threads<allocate_copy>(300, 8, size)), 0U);
}

}  // namespace
}  // namespace tensorhold::hold
