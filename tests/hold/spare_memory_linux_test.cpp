// What waits for the next copy: under limits, in forked children, and what a container is charged.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "hold/memory/owned_memory.hpp"
#include "hold/memory/spare_memory.hpp"
#include "support/cgroup_linux.hpp"
#include "support/child_posix.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using hold::allocate_copy;
using hold::CopyMemory;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
// What the kernel charges ahead for each processor, page tables, and our own bookkeeping.
constexpr std::uint64_t slack = 3 * mebibyte;

CopyMemory filled(std::size_t nbytes, int value) {
  CopyMemory memory = allocate_copy(nbytes);
  std::memset(memory.get(), value, nbytes);
  return memory;
}

// The first byte is right, and each is as the one before it: sanitizers look at one call at once.
bool whole(const CopyMemory& memory, std::size_t nbytes, int value) {
  return *memory.get() == static_cast<std::byte>(value) &&
         std::memcmp(memory.get(), memory.get() + 1, nbytes - 1) == 0;
}

TEST(SpareMemoryInAForkedChild, IsItsOwn) {
  (void)filled(mebibyte, 1);  // waits in both
  const CopyMemory before = filled(2 * mebibyte, 2);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&] {
    const CopyMemory in_child = filled(mebibyte, 3);
    const bool good = whole(in_child, mebibyte, 3) && whole(before, 2 * mebibyte, 2);
    return std::string(good ? "" : "bytes are lost");
  }));
  const CopyMemory after = filled(mebibyte, 4);
  EXPECT_TRUE(whole(after, mebibyte, 4));
  EXPECT_TRUE(whole(before, 2 * mebibyte, 2));
}

TEST(SpareMemoryUnderLimits, ThatIsLockedGoesAtOnce) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer locks nothing";
#endif
  CopyMemory memory = filled(mebibyte, 1);
  std::byte* const address = memory.get();
  if (::mlock(address, mebibyte) != 0) GTEST_SKIP() << "no memory can be locked";
  memory.reset();
  unsigned char present = 0;
  EXPECT_NE(::mincore(address, 1, &present), 0);
}

TEST(SpareMemoryUnderLimits, GoesWhereAddressSpaceIsShort) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer takes address space itself";
#endif
  TENSORHOLD_EXPECT_CHILD(test::in_child([]() -> std::string {
    (void)filled(20 * mebibyte, 1);
    std::ifstream statm("/proc/self/statm");
    std::uint64_t pages = 0;
    statm >> pages;
    const std::uint64_t space =
        pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) + 10 * mebibyte;
    const rlimit limit{space, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) return "skip: no limit of address space";
    return whole(filled(15 * mebibyte, 2), 15 * mebibyte, 2) ? "" : "bytes are lost";
  }));
}

/// Copies and slices of a tensor of 16 MiB, in a child in a group of its own.
class ChargeOfCopies : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the sanitizer's own memory is charged too";
#endif
    TENSORHOLD_NEEDS_MEMORY_GROUP(group);
  }

  static constexpr std::uint64_t rows = 64;
  static constexpr std::uint64_t columns = 256 << 10;

  [[nodiscard]] static Tensor source() {
    const Tensor made = Tensor::owned("w", Dtype::u8, std::vector{rows, columns});
    std::ranges::fill(made.writable_bytes(), std::byte{7});
    return made;
  }
  /// The first `nbytes` (a multiple of `rows`), as columns.
  [[nodiscard]] static Tensor slice(const Tensor& tensor, std::uint64_t nbytes) {
    return tensor.slice({all, {0, static_cast<std::int64_t>(nbytes / rows)}}).copy();
  }
  /// What the group is charged more than `before`.
  [[nodiscard]] std::uint64_t more_than(std::uint64_t before) const {
    return std::max(group.charged(), before) - before;
  }

  const test::MemoryGroup group;
};

std::string is_charged(std::uint64_t bytes, const char* when) {
  return std::to_string(bytes) + " bytes are charged " + when;
}

TEST_F(ChargeOfCopies, InALoopIsBounded) {
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!group.enter()) return "skip: no way into the group";
    const Tensor tensor = source();
    const std::uint64_t before = group.charged();
    std::uint64_t most = 0;
    for (std::uint64_t i = 0; i < 600; ++i) {
      const Tensor part = slice(tensor, (i * 37 % 16 * mebibyte) + 300 * 1024);
      if (part.bytes().back() != std::byte{7}) return "wrong bytes";
      most = std::max(most, more_than(before));
    }
    return most <= hold::most_spare_bytes + 16 * mebibyte + slack ? ""
                                                                  : is_charged(most, "at most");
  }));
}

TEST_F(ChargeOfCopies, ThatAreDroppedTogetherIsBounded) {
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!group.enter()) return "skip: no way into the group";
    const Tensor tensor = source();
    for (const std::uint64_t nbytes : {mebibyte / 2, mebibyte, 3 * mebibyte, 15 * mebibyte}) {
      const std::uint64_t before = group.charged();
      std::vector<Tensor> parts;
      for (std::uint64_t i = 0; i < 150 * mebibyte / nbytes; ++i)
        parts.push_back(slice(tensor, nbytes));
      parts.clear();
      if (more_than(before) > hold::most_spare_bytes + slack)
        return is_charged(more_than(before), "when all are dropped");
    }
    return "";
  }));
}

TEST_F(ChargeOfCopies, ThatAreKeptIsTheirSize) {
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!group.enter()) return "skip: no way into the group";
    const Tensor tensor = source();
    const std::uint64_t before = group.charged();
    std::vector<Tensor> parts;
    for (int i = 0; i < 100; ++i) parts.push_back(slice(tensor, mebibyte));
    const std::uint64_t kept = more_than(before);
    if (kept > 101 * mebibyte + slack) return is_charged(kept, "for 100 MiB");
    parts.clear();
    // In memory a quarter too large; the system can have that quarter.
    for (int i = 0; i < 40; ++i) parts.push_back(slice(tensor, mebibyte + mebibyte / 4));
    parts.clear();
    for (int i = 0; i < 100; ++i) parts.push_back(slice(tensor, mebibyte));
    if (!group.limit(before + 104 * mebibyte)) return "skip: no limit can be set";
    parts.push_back(slice(tensor, 2 * mebibyte));
    return more_than(before) <= 104 * mebibyte ? "" : is_charged(more_than(before), "for 102 MiB");
  }));
}

// The group's limit takes what waits before it kills.
TEST_F(ChargeOfCopies, ThatWereDroppedGoesWhenTheLimitPresses) {
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!group.enter()) return "skip: no way into the group";
    const Tensor tensor = source();
    const std::uint64_t before = group.charged();
    std::vector<Tensor> parts;
    for (int i = 0; i < 28; ++i) parts.push_back(slice(tensor, mebibyte));  // of plain pages
    parts.clear();
    if (more_than(before) < 24 * mebibyte) return is_charged(more_than(before), "for what waits");
    if (!group.limit(before + 34 * mebibyte)) return "skip: no limit can be set";
    const hold::OwnedMemory other = hold::allocate_owned(26 * mebibyte);
    std::memset(other.get(), 1, 26 * mebibyte);
    // And both at once: copies that are made in memory that was taken meanwhile.
    for (int i = 0; i < 30; ++i) {
      const Tensor part = slice(tensor, mebibyte);
      if (part.bytes().back() != std::byte{7}) return "wrong bytes";
    }
    return more_than(before) <= 34 * mebibyte ? "" : is_charged(more_than(before), "at the end");
  }));
}

TEST_F(ChargeOfCopies, ThatWereDroppedInHugePagesGoesWhenTheLimitPresses) {
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!group.enter()) return "skip: no way into the group";
    const Tensor tensor = source();
    const std::uint64_t before = group.charged();
    {
      const Tensor first = slice(tensor, 16 * mebibyte);
      const Tensor second = slice(tensor, 16 * mebibyte);
    }
    if (more_than(before) < 28 * mebibyte) return is_charged(more_than(before), "for what waits");
    if (!group.limit(before + 36 * mebibyte)) return "skip: no limit can be set";
    const hold::OwnedMemory other = hold::allocate_owned(30 * mebibyte);
    std::memset(other.get(), 1, 30 * mebibyte);
    return more_than(before) <= 36 * mebibyte ? "" : is_charged(more_than(before), "at the end");
  }));
}

}  // namespace
}  // namespace tensorhold
