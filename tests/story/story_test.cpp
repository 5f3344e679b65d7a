// The story S1 to S8 on the system's own filesystem, whatever it allows: as lockfs/story_test.cpp,
// for every system. A release that this system does not have is skipped with its words.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "support/scratch.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::some_tensors;
using test::Tensors;

class StoryHere : public ::testing::TestWithParam<Access> {
 protected:
  void SetUp() override { save(path_, saved_.list()); }
  [[nodiscard]] Tensor load() const { return open(path_, {.access = GetParam()})["large"]; }
  [[nodiscard]] bool unchanged(const Tensor& tensor) const {
    return std::ranges::equal(tensor.bytes(), saved_.list().back().bytes);
  }
  void expect_unchanged(const Tensor& tensor, const std::byte* address) const {
    EXPECT_EQ(tensor.bytes().data(), address);
    EXPECT_TRUE(unchanged(tensor));
  }
  /// Removes the file without the library, which works when nobody holds it.
  void expect_free() const {
    std::error_code error;
    EXPECT_TRUE(std::filesystem::remove(path_, error)) << error.message();
  }

  const test::Scratch scratch_;
  const std::string path_ = scratch_ / "model.safetensors";
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

TEST_P(StoryHere, S1RemoveWhileATensorLives) {
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  (void)tensorhold::remove(path_);
  EXPECT_FALSE(std::filesystem::exists(path_));
  expect_unchanged(tensor, address);
  save(path_, some_tensors(9).list());  // the name is free
  expect_unchanged(tensor, address);
}

TEST_P(StoryHere, S2TheHoldEndsWithTheLastTensor) {
  {
    const Tensor tensor = load();
    const Tensor second = tensor;
    EXPECT_TRUE(unchanged(second));
  }
  EXPECT_TRUE(holders(path_).empty());
  expect_free();
}

TEST_P(StoryHere, S3HoldersAreNamedAndAReleaseFreesTheFile) {
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
  }
  TENSORHOLD_RELEASE(path_);
  std::filesystem::resize_file(path_, 0);
  expect_free();
  expect_unchanged(parameter, address);
}

TEST_P(StoryHere, S4ACopyIsIndependent) {
  const Tensor copy = load().copy();
  std::filesystem::resize_file(path_, 0);
  expect_free();
  EXPECT_TRUE(unchanged(copy));
}

TEST_P(StoryHere, S5SaveOverTheFileThatWasLoaded) {
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  const SaveTensor list[] = {SaveTensor("again", tensor)};
  save(path_, list);
  expect_unchanged(tensor, address);
  EXPECT_TRUE(unchanged(open(path_)["again"]));
}

TEST_P(StoryHere, S6AnExceptionEndsTheHold) {
  try {
    const Tensor tensor = load();
    EXPECT_TRUE(unchanged(tensor));
    throw std::runtime_error("half-way");
  } catch (const std::runtime_error&) {
    expect_free();
  }
}

TEST_P(StoryHere, S7ThreadsReadWhileTheFileIsReleasedAndReplaced) {
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  std::atomic<bool> stop = false;
  std::atomic<unsigned> wrong = 0;
  std::atomic<unsigned> reading = 0;
  const auto read = [&] {
    wrong += unchanged(tensor) ? 0 : 1;
    ++reading;
    while (!stop) wrong += unchanged(tensor) ? 0 : 1;
  };
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < 3; ++i) readers.emplace_back(read);
  while (reading < readers.size()) std::this_thread::yield();
  const Result<Released> released = try_release(path_);
  const Result<void> saved = try_save(path_, some_tensors(9).list());
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(released || released.error().code() == Code::release_unsupported);
  EXPECT_TRUE(saved) << saved.error().what();
  EXPECT_EQ(wrong, 0U);
  expect_unchanged(tensor, address);
}

TEST_P(StoryHere, S8OthersTruncateTheFile) {
  const File file = open(path_, {.access = GetParam()});
  const Tensor tensor = file["large"];
  EXPECT_TRUE(unchanged(tensor));  // an owned one has its bytes from here on
  std::error_code refused;
  std::filesystem::resize_file(path_, 4096, refused);
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

INSTANTIATE_TEST_SUITE_P(Here, StoryHere, ::testing::Values(Access::mapped, Access::owned),
                         [](const auto& access) {
                           return access.param == Access::mapped ? "mapped" : "owned";
                         });

}  // namespace
}  // namespace tensorhold
