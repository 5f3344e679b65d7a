// The story S1 to S8, with the same words on every system and on lockfs (support/story_place.hpp):
// the file goes, is replaced or saved over, and every tensor keeps its address and its values. A
// release that this system does not have is skipped with its words.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/scratch.hpp"
#include "support/story_place.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::others_delete;
using test::others_truncate;
using test::some_tensors;
using test::Tensors;

class Story : public ::testing::TestWithParam<Access> {
 protected:
  void SetUp() override {
    if (const std::string why = test::StoryPlace::unavailable(); !why.empty()) GTEST_SKIP() << why;
    place_.emplace();
    path_ = at("model.safetensors");
    save(path_, saved_.list());
  }
  [[nodiscard]] std::string at(const std::string& name) const {
    return (place_->folder() / name).string();
  }
  [[nodiscard]] std::vector<std::string> names() const {
    return test::Scratch::names_in(place_->folder());
  }
  [[nodiscard]] File open_it() const { return open(path_, {.access = GetParam()}); }
  [[nodiscard]] Tensor load() const { return open_it()["large"]; }
  [[nodiscard]] static bool same(const Tensor& tensor, const Tensors& saved) {
    return test::same_bytes(tensor.bytes(), saved.list().back().bytes);
  }
  [[nodiscard]] bool unchanged(const Tensor& tensor) const { return same(tensor, saved_); }
  void expect_unchanged(const Tensor& tensor, const std::byte* address) const {
    EXPECT_EQ(tensor.bytes().data(), address);
    EXPECT_TRUE(unchanged(tensor));
  }
  /// Others may do with the file what they like.
  void expect_free() const {
    place_->expect_nothing_held();
    EXPECT_TRUE(holders(path_).empty());
    EXPECT_TRUE(others_truncate(path_, 0));
    EXPECT_TRUE(others_delete(path_));
  }
  /// Threads read a tensor all the while that `work` runs.
  template <class Work>
  void while_others_read(const Tensor& tensor, const Work& work) const {
    std::atomic<bool> stop = false;
    std::atomic<unsigned> reading = 0;
    std::atomic<unsigned> wrong = 0;
    std::vector<std::thread> readers;
    for (unsigned i = 0; i < 3; ++i)
      readers.emplace_back([&] {
        do {
          wrong += unchanged(tensor) ? 0 : 1;
          ++reading;
        } while (!stop);
      });
    while (reading < readers.size()) std::this_thread::yield();
    work();
    stop = true;
    for (std::thread& reader : readers) reader.join();
    EXPECT_EQ(wrong, 0U);
  }

  std::optional<test::StoryPlace> place_;
  std::string path_;
  const Tensors saved_ = some_tensors(1, 5'000'000);
};

/// Releases, or skips the test.
#define TENSORHOLD_RELEASE(path)                                                     \
  do {                                                                               \
    const Result<Released> released_here = try_release(path);                        \
    if (!released_here && released_here.error().code() == Code::release_unsupported) \
      GTEST_SKIP() << released_here.error().reason();                                \
    ASSERT_TRUE(released_here) << released_here.error().what();                      \
  } while (false)

TEST_P(Story, S1RemoveWhileATensorLives) {
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  if (tensor.mapped()) place_->expect_held(path_);
  (void)tensorhold::remove(path_);
  EXPECT_FALSE(std::filesystem::exists(path_));
  expect_unchanged(tensor, address);
  save(path_, some_tensors(9).list());  // the name is free
  expect_unchanged(tensor, address);
}

TEST_P(Story, S2TheHoldEndsWithTheLastTensor) {
  {
    const Tensor tensor = load();
    const Tensor second = tensor;
    EXPECT_TRUE(unchanged(second));
  }
  expect_free();
}

TEST_P(Story, S3HoldersAreNamedAndAReleaseFreesTheFile) {
  Tensor parameter;
  {
    const Tensor tensor = load();
    parameter = tensor;
  }
  const std::byte* const address = parameter.bytes().data();
  if (parameter.mapped()) {
    const Holders found = holders(path_);
    ASSERT_FALSE(found.empty());
    EXPECT_TRUE(found.list[0].own);
    EXPECT_EQ(found.list[0].tensor, "large");
    place_->expect_held(path_);
  }
  TENSORHOLD_RELEASE(path_);
  expect_free();
  expect_unchanged(parameter, address);
}

TEST_P(Story, S4ACopyIsIndependent) {
  const Tensor copy = load().copy();
  expect_free();
  expect_unchanged(copy, copy.bytes().data());
}

TEST_P(Story, S5SaveOverTheFileThatWasLoaded) {
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  const SaveTensor list[] = {SaveTensor("again", tensor)};
  save(path_, list);
  expect_unchanged(tensor, address);
  EXPECT_TRUE(unchanged(open(path_)["again"]));
}

TEST_P(Story, S5ReplaceTheFileThatWasLoaded) {
  const std::string other = at("other.safetensors");
  const Tensors others = some_tensors(9);
  save(other, others.list());
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  (void)replace(other, path_);
  EXPECT_FALSE(std::filesystem::exists(other));
  expect_unchanged(tensor, address);
  EXPECT_TRUE(same(open(path_)["large"], others));
}

TEST_P(Story, S6AnExceptionEndsTheHold) {
  try {
    const Tensor tensor = load();
    EXPECT_TRUE(unchanged(tensor));
    throw std::runtime_error("half-way");
  } catch (const std::runtime_error&) {
    expect_free();
  }
}

TEST_P(Story, S6CloseEndsTheHoldThoughTheFileObjectLives) {
  const File file = open_it();
  { const Tensor tensor = file["large"]; }
  file.close();
  expect_free();
  EXPECT_EQ(file.size(), saved_.list().size());
}

TEST_P(Story, S6ATensorThatEscapedHoldsUntilItIsDropped) {
  const File file = open_it();
  Tensor tensor = file["large"];
  Tensor view = file.writable("weight");
  const std::byte* const address = tensor.bytes().data();
  file.close();
  if (tensor.mapped()) place_->expect_held(path_);
  expect_unchanged(tensor, address);
  view = Tensor();
  if (tensor.mapped()) place_->expect_held(path_);
  tensor = Tensor();
  expect_free();
}

TEST_P(Story, S7ThreadsReadWhileTheFileIsReleasedAndReplaced) {
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  while_others_read(tensor, [&] {
    const Result<Released> released = try_release(path_);
    EXPECT_TRUE(released || released.error().code() == Code::release_unsupported);
    const Result<void> saved = try_save(path_, some_tensors(9).list());
    EXPECT_TRUE(saved) << saved.error().what();
  });
  expect_unchanged(tensor, address);
}

TEST_P(Story, S7ThreadsReadWhileTheFileIsSavedOver) {
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  const Tensors other = some_tensors(9);
  while_others_read(tensor, [&] {
    const Result<void> saved = try_save(path_, other.list());
    EXPECT_TRUE(saved) << saved.error().what();
  });
  expect_unchanged(tensor, address);
  EXPECT_TRUE(same(open(path_)["large"], other));
}

TEST_P(Story, S8OthersTruncateTheFile) {
  const File file = open_it();
  const Tensor tensor = file["large"];
  EXPECT_TRUE(unchanged(tensor));  // an owned one has its bytes from here on
  bool refused = !others_truncate(path_, 4096);
  if (refused) {
    EXPECT_EQ(file.check(), FileState::unchanged);
    place_->allow_all();
    refused = !others_truncate(path_, 4096);
  }
  if (!refused) {
    EXPECT_EQ(file.check(), FileState::truncated);
  }
  if (refused || !tensor.mapped()) {
    EXPECT_TRUE(unchanged(tensor));
    return;
  }
  try {
    (void)tensor.copy();
    ADD_FAILURE() << "the loss went unseen";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::truncated) << error.what();
    EXPECT_EQ(error.path(), path_);
  }
}

INSTANTIATE_TEST_SUITE_P(Everywhere, Story, ::testing::ValuesIn(test::StoryPlace::accesses),
                         [](const auto& access) -> std::string {
                           if (access.param == Access::automatic) return "automatic";
                           return access.param == Access::mapped ? "mapped" : "owned";
                         });

}  // namespace
}  // namespace tensorhold
