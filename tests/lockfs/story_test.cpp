// The story that the project exists for, on a filesystem that refuses to change what is held: the
// file goes, is replaced or saved over, and every tensor keeps its address and its values.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/lockfs.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::some_tensors;
using test::Tensors;

class Story : public ::testing::TestWithParam<Access> {
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
    EXPECT_TRUE(std::ranges::equal(tensor.bytes(), saved_.list().back().bytes));
  }
  [[nodiscard]] std::vector<std::string> names() const {
    return test::Scratch::names_in(fs_->path());
  }
  /// Without the library this filesystem refuses as Windows does.
  void expect_refused_by_the_system() const {
    EXPECT_NE(::unlink(path_.c_str()), 0);
    EXPECT_NE(::truncate(path_.c_str(), 0), 0);
  }

  std::optional<test::LockFs> fs_;
  std::string path_;
  const Tensors saved_ = some_tensors(1, 5'000'000);
};

TEST_P(Story, S1RemoveWhileATensorLives) {
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  if (tensor.mapped()) expect_refused_by_the_system();
  (void)tensorhold::remove(path_);
  EXPECT_TRUE(names().empty());
  expect_unchanged(tensor, address);
  EXPECT_EQ(fs_->stats().held, 0U);
}

TEST_P(Story, S2TheHoldEndsWithTheLastTensor) {
  {
    const Tensor tensor = load();
    expect_unchanged(tensor, tensor.bytes().data());
  }
  EXPECT_EQ(::unlink(path_.c_str()), 0);
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
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found.list[0].tensor, "large");
    expect_refused_by_the_system();
  }
  (void)release(path_);
  EXPECT_EQ(fs_->stats().held, 0U);
  EXPECT_EQ(::truncate(path_.c_str(), 0), 0);
  EXPECT_EQ(::unlink(path_.c_str()), 0);
  expect_unchanged(parameter, address);
}

TEST_P(Story, S4ACopyIsIndependent) {
  const Tensor copy = load().copy();
  EXPECT_EQ(::unlink(path_.c_str()), 0);
  expect_unchanged(copy, copy.bytes().data());
}

TEST_P(Story, S5SaveOverTheFileThatWasLoaded) {
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  const SaveTensor list[] = {SaveTensor("again", tensor)};
  save(path_, list);
  EXPECT_EQ(names(), std::vector<std::string>{"model.safetensors"});
  expect_unchanged(tensor, address);
  const Tensor again = open(path_)["again"];
  EXPECT_TRUE(std::ranges::equal(again.bytes(), tensor.bytes()));
}

TEST_P(Story, S5ReplaceTheFileThatWasLoaded) {
  const std::string other = *fs_ / "other.safetensors";
  save(other, some_tensors(9).list());
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  (void)replace(other, path_);
  EXPECT_EQ(names(), std::vector<std::string>{"model.safetensors"});
  expect_unchanged(tensor, address);
}

TEST_P(Story, S6AnExceptionEndsTheHold) {
  try {
    const Tensor tensor = load();
    expect_unchanged(tensor, tensor.bytes().data());
    throw std::runtime_error("half-way");
  } catch (const std::runtime_error&) {
    EXPECT_EQ(::unlink(path_.c_str()), 0);
  }
}

TEST_P(Story, S7ThreadsReadWhileTheFileIsReleasedAndReplaced) {
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  std::atomic<bool> stop = false;
  std::atomic<unsigned> reading = 0;
  std::atomic<unsigned> wrong = 0;
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      do {
        if (!std::ranges::equal(tensor.bytes(), saved_.list().back().bytes)) ++wrong;
        ++reading;
      } while (!stop);
    });
  while (reading < readers.size()) std::this_thread::yield();
  const Tensors other = some_tensors(9);
  const Result<void> saved = try_save(path_, other.list());
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(saved) << saved.error().what();
  EXPECT_EQ(wrong, 0U);
  expect_unchanged(tensor, address);
  const Tensor again = open(path_)["large"];
  EXPECT_TRUE(std::ranges::equal(again.bytes(), other.list().back().bytes));
}

TEST_P(Story, S8OthersMayNotTruncateAndWhereTheyMayItIsDetected) {
  const File file = open(path_, {.access = GetParam()});
  const Tensor tensor = file["large"];
  expect_unchanged(tensor, tensor.bytes().data());
  EXPECT_NE(::truncate(path_.c_str(), 4096), 0);
  EXPECT_EQ(file.check(), FileState::unchanged);
  fs_->set("sharing", "off");
  ASSERT_EQ(::truncate(path_.c_str(), 4096), 0);
  EXPECT_EQ(file.check(), FileState::truncated);
  if (!tensor.mapped()) {
    expect_unchanged(tensor, tensor.bytes().data());
    return;
  }
  try {
    (void)tensor.copy();
    ADD_FAILURE() << "the loss went unseen";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::truncated) << error.what();
  }
}

TEST_P(Story, WhatOthersHoldIsRefusedAndChangesNothing) {
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

TEST_P(Story, WhatIsPinnedIsNotReleasedAndNothingChanges) {
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

INSTANTIATE_TEST_SUITE_P(LockFs, Story, ::testing::Values(Access::mapped, Access::automatic),
                         [](const auto& access) {
                           return access.param == Access::mapped ? "mapped" : "automatic";
                         });

}  // namespace
}  // namespace tensorhold
