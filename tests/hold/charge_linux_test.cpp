// What a container is charged for loaded tensors, and what it gets back when they are dropped.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "hold/memory/owned_memory.hpp"
#include "support/cgroup_linux.hpp"
#include "support/child_posix.hpp"
#include "support/scratch.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::MemoryGroup;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
// What the kernel charges ahead for each processor, page tables, and our own bookkeeping.
constexpr std::uint64_t slack = 3 * mebibyte;

/// Not a multiple of a huge page, so each has a tail of plain pages.
constexpr std::uint64_t large_bytes = 5 * mebibyte + 12'345;

/// A file of `count` tensors of `nbytes` each.
std::string make_file(const test::Scratch& folder, std::size_t count, std::uint64_t nbytes) {
  test::Tensors tensors;
  for (std::size_t i = 0; i < count; ++i)
    tensors.add("t" + std::to_string(i), Dtype::u8, {nbytes}, static_cast<std::uint8_t>(i));
  const std::string path = folder / "charge.safetensors";
  save(path, tensors.list(), std::nullopt, {.durable = false});
  return path;
}

/// Loads all in a child in `group`, drops every tensor but each `keep`th, and says what is wrong
/// with the charge before and after.
std::string charge_of(const MemoryGroup& group, const std::string& path, std::size_t keep) {
  if (!group.enter()) return "skip: no way into the group";
  const File file = open(path, {.access = Access::owned});
  Plan plan(file);
  plan.add_all();
  const std::uint64_t before = group.charged();
  std::vector<Tensor> tensors = plan.load();
  const std::uint64_t loaded = group.charged() - before;
  if (loaded + slack < plan.nbytes() || loaded > plan.nbytes() + plan.nbytes() / 50 + slack)
    return std::to_string(plan.nbytes()) + " bytes loaded, charged " + std::to_string(loaded);
  std::uint64_t kept_bytes = 0;
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (i % keep != 0) {
      tensors[i] = Tensor();
      continue;
    }
    kept_bytes += tensors[i].nbytes();
    const int seed = std::stoi(std::string(tensors[i].name().substr(1)));
    wrong += tensors[i].bytes()[0] == static_cast<std::byte>(seed) ? 0 : 1;
  }
  const std::uint64_t left = group.charged() - before;
  if (left > kept_bytes + kept_bytes / 50 + slack)
    return std::to_string(kept_bytes) + " bytes kept, charged " + std::to_string(left);
  if (wrong != 0) return std::to_string(wrong) + " tensors lost their bytes";
  tensors.clear();
  const std::uint64_t end = std::max(group.charged(), before) - before;
  return end < slack ? "" : "all dropped, charged " + std::to_string(end);
}

/// Maps all in a child in `group`, releases them, drops every second, and says what is wrong with
/// the charge before and after.
std::string charge_of_released(const MemoryGroup& group, const std::string& path, bool writable) {
  if (!group.enter()) return "skip: no way into the group";
  const File file = open(path, {.access = Access::mapped});
  std::vector<Tensor> tensors;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < file.size(); ++i) {
    tensors.push_back(writable ? file.writable(file.info(i).name) : file.at(i));
    bytes += tensors.back().nbytes();
  }
  const std::uint64_t before = group.charged();
  (void)file.release();
  const std::uint64_t released = group.charged() - before;
  if (released > bytes + bytes / 50 + slack)
    return std::to_string(bytes) + " bytes released, charged " + std::to_string(released);
  std::uint64_t kept = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (i % 2 == 0)
      tensors[i] = Tensor();
    else
      kept += tensors[i].nbytes();
  }
  const std::uint64_t left = group.charged() - before;
  if (left > kept + kept / 20 + slack)
    return std::to_string(kept) + " bytes kept, charged " + std::to_string(left);
  for (std::size_t i = 1; i < tensors.size(); i += 2) {
    const int seed = std::stoi(std::string(tensors[i].name().substr(1)));
    if (tensors[i].bytes()[0] != static_cast<std::byte>(seed)) return "a tensor lost its bytes";
  }
  tensors.clear();
  const std::uint64_t end = std::max(group.charged(), before) - before;
  return end < slack ? "" : "all dropped, charged " + std::to_string(end);
}

class Charge : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the sanitizer's own memory is charged too";
#endif
    TENSORHOLD_NEEDS_MEMORY_GROUP(group);
  }
  const MemoryGroup group;
  const test::Scratch folder;
};

TEST_F(Charge, OfLargeTensorsFallsWithEachThatIsDropped) {
  const std::string path = make_file(folder, 24, large_bytes);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&] { return charge_of(group, path, 4); }));
}

TEST_F(Charge, OfMiddleTensorsFallsWithEachThatIsDropped) {
  const std::string path = make_file(folder, 200, 512'000);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&] { return charge_of(group, path, 2); }));
}

TEST_F(Charge, OfSmallTensorsFallsWithEachPageThatIsDropped) {
  const std::string path = make_file(folder, 6000, 8192);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&] { return charge_of(group, path, 100); }));
}

TEST_F(Charge, OfReleasedTensorsFallsWithEachThatIsDropped) {
  // Two to a huge page, and such that lie across two of them.
  for (const std::uint64_t nbytes : {mebibyte, 3 * mebibyte + 4096}) {
    const std::string path = make_file(folder, 256 * mebibyte / nbytes, nbytes);
    for (const bool writable : {false, true})
      TENSORHOLD_EXPECT_CHILD(
          test::in_child([&] { return charge_of_released(group, path, writable); }));
  }
}

}  // namespace
}  // namespace tensorhold
