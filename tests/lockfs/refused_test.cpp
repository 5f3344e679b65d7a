// What is refused on a filesystem that refuses to change what is held, because others hold the file
// or a tensor is pinned. What is not refused: the story, tests/story/story_test.cpp.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "support/lockfs.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::some_tensors;
using test::Tensors;

class Refused : public ::testing::TestWithParam<Access> {
 protected:
  void SetUp() override {
    TENSORHOLD_NEEDS_LOCKFS();
    fs_.emplace(std::vector<std::string>{"--sharing"});
    path_ = *fs_ / "model.safetensors";
    save(path_, saved_.list());
  }
  [[nodiscard]] Tensor load() const { return open(path_, {.access = GetParam()})["large"]; }
  void expect_unchanged(const Tensor& tensor, const std::byte* address) const {
    EXPECT_EQ(tensor.bytes().data(), address);
    EXPECT_TRUE(test::same_bytes(tensor.bytes(), saved_.list().back().bytes));
  }
  [[nodiscard]] std::vector<std::string> names() const {
    return test::Scratch::names_in(fs_->path());
  }

  std::optional<test::LockFs> fs_;
  std::string path_;
  const Tensors saved_ = some_tensors(1, 5'000'000);
};

TEST_P(Refused, WhatOthersHoldAndNothingChanges) {
  const int foreign = ::open(path_.c_str(), O_RDONLY);
  ASSERT_GE(foreign, 0);
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  const Tensors other = some_tensors(3);
  const Result<void> saved = try_save(path_, other.list());
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code(), Code::file_in_use);
  expect_unchanged(tensor, address);
  (void)::close(foreign);
  EXPECT_EQ(names(), std::vector<std::string>{"model.safetensors"});
  EXPECT_EQ(open(path_).size(), saved_.list().size());
}

// Reads ahead that a release sets off, or those who read before, end a little later than the hold.
TEST_P(Refused, NotWhatIsOnlyReadAhead) {
  Tensors tensors;
  tensors.add("first", Dtype::u8, {300'000}, 1);
  tensors.add("rest", Dtype::u8, {20'000'000}, 2);
  fs_->set("latency-us", 500);
  for (int round = 0; round < 20; ++round) {
    save(path_, tensors.list(), std::nullopt, {.durable = false});
    const Tensor tensor = open(path_, {.access = GetParam()})["first"];
    const Result<void> saved = try_save(path_, saved_.list(), std::nullopt, {.durable = false});
    ASSERT_TRUE(saved) << saved.error().what() << " in round " << round;
    EXPECT_TRUE(test::same_bytes(tensor.bytes(), tensors.list().front().bytes));
  }
}

TEST_P(Refused, WhatIsPinnedAndNothingChanges) {
  const Tensor tensor = load();
  if (!tensor.mapped()) GTEST_SKIP() << "owned memory hinders nobody";
  const std::byte* const address = tensor.bytes().data();
  const std::string other = *fs_ / "other.safetensors";
  save(other, some_tensors(3).list());
  std::optional<Pin> held = pin(tensor);
  const Result<void> saved = try_save(path_, some_tensors(4).list());
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code(), Code::release_refused) << saved.error().what();
  EXPECT_EQ(saved.error().tensor(), "large");
  try {
    (void)replace(other, path_);
    FAIL() << "replaced";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::release_refused) << error.what();
    EXPECT_EQ(error.tensor(), "large");
  }
  EXPECT_TRUE(tensor.mapped());
  EXPECT_EQ(names(), (std::vector<std::string>{"model.safetensors", "other.safetensors"}));
  EXPECT_EQ(open(path_).size(), saved_.list().size());
  // To give up the name needs no release: the file waits elsewhere.
  const Changed changed = tensorhold::remove(path_);
  EXPECT_FALSE(changed.moved_to.empty());
  EXPECT_FALSE(changed.released);
  EXPECT_TRUE(tensor.mapped());
  expect_unchanged(tensor, address);
  held.reset();
  (void)replace(other, path_);
  expect_unchanged(tensor, address);
}

INSTANTIATE_TEST_SUITE_P(LockFs, Refused, ::testing::Values(Access::mapped, Access::automatic),
                         [](const auto& access) {
                           return access.param == Access::mapped ? "mapped" : "automatic";
                         });

}  // namespace
}  // namespace tensorhold
