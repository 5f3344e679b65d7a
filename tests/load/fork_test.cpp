// What a forked child may drop without harm to itself or to its parent.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/child_posix.hpp"
#include "support/scratch.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

TEST(Fork, AChildThatDropsAWriterLeavesItToTheParent) {
  const test::Scratch scratch;
  const std::string path = scratch / "model.safetensors";
  const std::vector<TensorLayout> layout{{"w", Dtype::u8, {64}}};
  const std::vector<std::byte> bytes(64, std::byte{3});
  Writer writer(path, layout);
  writer.write("w", bytes);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const Writer dropped = std::move(writer);
    return "";
  }));
  writer.commit();
  const Tensor written = open(path)["w"];
  EXPECT_TRUE(test::same_bytes(written.bytes(), bytes));
}

class ForkedStream : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "a child of a process with threads waits for the sanitizer's locks";
#endif
    test::Tensors tensors;
    for (int i = 0; i < 8; ++i)
      tensors.add("t" + std::to_string(i), Dtype::u8, {4 * mebibyte}, static_cast<std::uint8_t>(i));
    save(path, tensors.list(), std::nullopt, {.durable = false});
    Plan plan(open(path));
    plan.add_all();
    // Threads that wait for room, as long as nobody takes more.
    stream.emplace(plan.stream({.threads = 2, .memory_budget = 8 * mebibyte}));
    count = plan.size();
    ASSERT_TRUE(stream->next());
  }

  test::Scratch scratch;
  const std::string path = scratch / "model.safetensors";
  std::optional<TensorStream> stream;
  std::size_t count = 0;
};

TEST_F(ForkedStream, IsDroppedByAChildAndGoesOnInTheParent) {
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    stream.reset();
    return "";
  }));
  std::size_t given = 1;
  while (stream->next()) ++given;
  EXPECT_EQ(given, count);
}

TEST_F(ForkedStream, GivesAChildAnErrorInsteadOfATensor) {
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const auto next = stream->try_next();
    if (next) return "a tensor";
    return next.error().code() == Code::unsupported ? "" : next.error().what();
  }));
}

}  // namespace
}  // namespace tensorhold
