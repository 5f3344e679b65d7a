#include "hold/memory/owned_memory.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <iterator>
#include <new>

#include "filled.hpp"

namespace tensorhold::hold {
namespace {

constexpr std::size_t sizes[] = {0,         1,
                                 63,        64,
                                 65,        4095,
                                 4096,      4097,
                                 100'000,   (2U << 20) - 1,
                                 2U << 20,  (2U << 20) + 1,
                                 5'000'000, 1'500'000,
                                 777};

constexpr auto allocate = [](std::size_t nbytes) { return allocate_owned(nbytes); };
using Filled = test::Filled<allocate>;

TEST(OwnedMemory, IsAlignedAndNeverNull) {
  for (const std::size_t size : sizes) {
    const OwnedMemory memory = allocate_owned(size);
    ASSERT_NE(memory.get(), nullptr) << size;
    const std::size_t alignment = size >= own_mapping_bytes ? 2U << 20 : owned_alignment;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.get()) % alignment, 0U) << size;
  }
}

TEST(OwnedMemory, BeginsInsideAPageWhereThatIsAsked) {
  for (const std::size_t size :
       {own_mapping_bytes, own_mapping_bytes + 4096 - 64, 3 * own_mapping_bytes + 1}) {
    const OwnedMemory memory = allocate_owned(size, 4032);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.get()) % own_mapping_bytes, 4032U) << size;
    std::memset(memory.get(), 1, size);
  }
  EXPECT_THROW((void)allocate_owned(SIZE_MAX, 64), std::bad_alloc);
}

TEST(OwnedMemory, IsRefusedWithAnExceptionWhenThereCannotBeSoMuch) {
  EXPECT_THROW((void)allocate_owned(SIZE_MAX / 2), std::bad_alloc);
  EXPECT_THROW((void)allocate_owned(SIZE_MAX - 100), std::bad_alloc);
}

TEST(OwnedMemory, OfTheLastSmallPieceIsUsedAgain) {
  const OwnedMemory before = allocate_owned(100);
  for (const std::size_t size : {1, 64, 4096, 10'000, 100'000}) {
    const std::byte* const first = Filled(size, 1).memory.get();
    EXPECT_EQ(first, Filled(size, 2).memory.get()) << size;
  }
}

// What was freed beside them never takes bytes from those that live.
TEST(OwnedMemory, FreedInAnyOrderLeavesTheOthersWhole) {
  const auto size = [](auto& random, unsigned round) {
    return round % 7 == 0 ? sizes[random() % std::size(sizes)] : random() % 9000;
  };
  EXPECT_EQ((test::lost_in_any_order<allocate>(4000, 60, 4000, size)), 0U);
}

TEST(OwnedMemory, ByManyThreadsWithTensorsThatChangeHands) {
  const auto size = [](auto& random, unsigned) { return random() % 5000; };
  EXPECT_EQ((test::lost_by_threads<allocate>(3000, 2000, size)), 0U);
}

}  // namespace
}  // namespace tensorhold::hold
