#include "hold/owned_memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

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

/// Pieces of memory full of a pattern of their own.
struct Filled {
  explicit Filled(std::size_t size, unsigned seed)
      : nbytes(size), value(static_cast<int>(seed % 251 + 1)), memory(allocate_owned(size)) {
    if (size != 0) std::memset(memory.get(), value, size);
  }
  [[nodiscard]] bool whole() const {
    return std::all_of(memory.get(), memory.get() + nbytes,
                       [&](std::byte byte) { return byte == static_cast<std::byte>(value); });
  }
  std::size_t nbytes;
  int value;
  OwnedMemory memory;
};

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
  std::mt19937 random(7);
  std::vector<Filled> live;
  for (unsigned round = 0; round < 4000; ++round) {
    if (live.size() < 60 || random() % 2 == 0) {
      live.emplace_back(round % 7 == 0 ? sizes[random() % std::size(sizes)] : random() % 9000,
                        round);
      continue;
    }
    const std::size_t at = random() % live.size();
    ASSERT_TRUE(live[at].whole()) << live[at].nbytes;
    std::swap(live[at], live.back());
    live.pop_back();
  }
  for (const Filled& filled : live) ASSERT_TRUE(filled.whole()) << filled.nbytes;
}

TEST(OwnedMemory, ByManyThreadsWithTensorsThatChangeHands) {
  constexpr unsigned count = 4;
  std::vector<std::vector<Filled>> made(count);
  const auto each = [&](auto work) {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count; ++i) threads.emplace_back(work, i);
    for (std::thread& thread : threads) thread.join();
  };
  std::vector<unsigned> wrong(count, 0);
  each([&](unsigned me) {
    std::mt19937 random(me);
    for (unsigned i = 0; i < 3000; ++i) {
      made[me].emplace_back(random() % 5000, me * 50 + i);
      if (i % 3 != 0) continue;
      std::swap(made[me][random() % made[me].size()], made[me].back());
      wrong[me] += made[me].back().whole() ? 0 : 1;
      made[me].pop_back();
    }
  });
  each([&](unsigned me) {
    std::vector<Filled>& others = made[(me + 1) % count];
    for (const Filled& filled : others) wrong[me] += filled.whole() ? 0 : 1;
    others.clear();
  });
  EXPECT_EQ(wrong, std::vector<unsigned>(count, 0));
}

}  // namespace
}  // namespace tensorhold::hold
