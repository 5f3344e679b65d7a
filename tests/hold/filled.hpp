// Memory that shows when another one was put over it, and two ways of allocating much of it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace tensorhold::test {

/// What `allocate(size)` gives, full of a pattern of its own.
template <auto allocate>
struct Filled {
  Filled(std::size_t size, unsigned seed)
      : nbytes(size), value(static_cast<int>(seed % 251 + 1)), memory(allocate(size)) {
    if (size != 0) std::memset(memory.get(), value, size);
  }
  [[nodiscard]] bool whole() const {
    return std::all_of(memory.get(), memory.get() + nbytes,
                       [&](std::byte byte) { return byte == static_cast<std::byte>(value); });
  }
  std::size_t nbytes;
  int value;
  decltype(allocate(std::size_t{0})) memory;
};

/// Allocates and drops in any order, with `least` to `most` alive. `size(random, round)`: of the
/// next. Returns how many of them lost bytes.
template <auto allocate, class Size>
unsigned lost_in_any_order(unsigned rounds, std::size_t least, std::size_t most, Size size) {
  std::mt19937 random(7);
  std::vector<Filled<allocate>> live;
  unsigned lost = 0;
  for (unsigned round = 0; round < rounds; ++round) {
    if (live.size() < least || (live.size() < most && random() % 2 == 0)) {
      live.emplace_back(size(random, round), round);
      continue;
    }
    const std::size_t at = random() % live.size();
    lost += live[at].whole() ? 0 : 1;
    std::swap(live[at], live.back());
    live.pop_back();
  }
  for (const auto& filled : live) lost += filled.whole() ? 0 : 1;
  return lost;
}

/// The same by four threads, which have `most` alive each, and then drop what others allocated.
template <auto allocate, class Size>
unsigned lost_by_threads(unsigned rounds, std::size_t most, Size size) {
  constexpr unsigned count = 4;
  std::vector<std::vector<Filled<allocate>>> made(count);
  std::vector<unsigned> lost(count, 0);
  const auto each = [&](auto work) {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count; ++i) threads.emplace_back(work, i);
    for (std::thread& thread : threads) thread.join();
  };
  each([&](unsigned me) {
    std::mt19937 random(me);
    for (unsigned i = 0; i < rounds; ++i) {
      made[me].emplace_back(size(random, i), me * 50 + i);
      if (made[me].size() < most) continue;
      std::swap(made[me][random() % made[me].size()], made[me].back());
      lost[me] += made[me].back().whole() ? 0 : 1;
      made[me].pop_back();
    }
  });
  each([&](unsigned me) {
    auto& others = made[(me + 1) % count];
    for (const auto& filled : others) lost[me] += filled.whole() ? 0 : 1;
    others.clear();
  });
  unsigned all = 0;
  for (const unsigned some : lost) all += some;
  return all;
}

}  // namespace tensorhold::test
