// Runs of bytes, against a plain walk over their positions.
#include "base/runs.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace tensorhold::base {
namespace {

std::vector<std::byte> walk(const std::vector<std::byte>& from, const Runs& runs) {
  std::vector<std::uint64_t> starts{runs.offset};
  for (std::size_t i = 0; i < runs.counts.size(); ++i) {
    std::vector<std::uint64_t> next;
    for (const std::uint64_t start : starts)
      for (std::uint64_t k = 0; k < runs.counts[i]; ++k)
        next.push_back(start + k * runs.strides[i]);
    starts = std::move(next);
  }
  std::vector<std::byte> found;
  for (const std::uint64_t start : starts)
    for (std::uint64_t b = 0; b < runs.run_bytes; ++b) found.push_back(from[start + b]);
  return found;
}

TEST(Runs, AreGatheredInOrder) {
  std::mt19937 random(3);
  const auto pick = [&](std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(random);
  };
  for (int round = 0; round < 500; ++round) {
    std::vector<std::uint64_t> counts(pick(0, 4));
    std::vector<std::uint64_t> strides(counts.size());
    Runs runs{.offset = pick(0, 9), .run_bytes = pick(1, 9)};
    std::uint64_t stride = runs.run_bytes;
    for (std::size_t i = counts.size(); i-- > 0;) {
      counts[i] = pick(1, 5);
      strides[i] = stride + pick(0, 3);
      stride = counts[i] * strides[i];
    }
    runs.counts = counts;
    runs.strides = strides;
    // Exactly as long as it needs to be, so that sanitizers see a byte too many.
    std::vector<std::byte> from(runs.offset + runs.extent());
    for (std::size_t i = 0; i < from.size(); ++i)
      from[i] = static_cast<std::byte>(i * 131 + i / 251);
    const std::vector<std::byte> expected = walk(from, runs);
    ASSERT_EQ(runs.nbytes(), expected.size());
    std::vector<std::byte> to(expected.size());
    gather(from.data(), runs, to.data());
    ASSERT_EQ(to, expected) << "round " << round;
  }
}

}  // namespace
}  // namespace tensorhold::base
