// What close() lets go of, at once or with the last tensor, while File objects live on.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "support/many_tensors.hpp"
#include "support/scratch.hpp"
#include "support/tensors.hpp"

namespace tensorhold {
namespace {

/// Removes the file without the library, which works everywhere when nobody holds it.
void expect_free(const std::string& path) {
  EXPECT_TRUE(holders(path).empty());
  std::error_code error;
  EXPECT_TRUE(std::filesystem::remove(path, error)) << error.message();
}

/// The code of the error that `body` raises; 0: none.
template <class Body>
Code code_of(const Body& body) {
  try {
    (void)body();
    return Code{};
  } catch (const Error& error) {
    return error.code();
  }
}

class Close : public ::testing::TestWithParam<Access> {
 protected:
  [[nodiscard]] File open() const { return made_.open(GetParam()); }
  const test::ManyTensors made_{5, 1000};
};

TEST_P(Close, FreesTheFileWithoutTensorsWhileTheHandleLives) {
  const File file = open();
  const File other = file;
  EXPECT_EQ(made_.wrong_words(file.at(1), 1), 0U);
  file.close();
  other.close();
  EXPECT_TRUE(other.closed());
  expect_free(made_.path());
}

TEST(CloseOwned, FreesTheFileOnceAllIsReadThoughAnEmptyTensorLives) {
  const test::Scratch scratch;
  const test::Tensors tensors = test::some_tensors(1);
  const std::string path = scratch / "model.safetensors";
  save(path, tensors.list());
  const File file = tensorhold::open(path, {.access = Access::owned});
  const Tensor empty = file["empty"];
  const Tensor weight = file["weight"];
  file.load();
  file.close();
  EXPECT_TRUE(empty.bytes().empty());
  EXPECT_EQ(empty.copy().nbytes(), 0U);
  expect_free(path);
}

TEST_P(Close, FreesTheFileWithTheLastTensorWhileTheHandleLives) {
  const File file = open();
  Tensor tensor = file.at(2);
  Tensor view = file.writable(made_.name(3));
  const Tensor copy = tensor.copy();
  EXPECT_EQ(made_.wrong_words(tensor, 2), 0U);
  view.writable_bytes()[0] = std::byte{9};
  file.close();
  Tensor second = tensor;
  tensor = Tensor();
  EXPECT_EQ(made_.wrong_words(second, 2), 0U);
  EXPECT_EQ(view.bytes()[0], std::byte{9});
  EXPECT_EQ(made_.wrong_words(second, 2), 0U);
  view = Tensor();
  if (second.mapped()) {
    const Holders all = holders(made_.path());
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all.list[0].tensor, made_.name(2));
  }
  second = Tensor();
  expect_free(made_.path());
  EXPECT_EQ(made_.wrong_words(copy, 2), 0U);
}

TEST_P(Close, LeavesTheMetadataAndRefusesTensors) {
  const File file = open();
  Tensor live = file.at(0);
  const auto expect_closed = [&] {
    EXPECT_EQ(file.size(), 5U);
    EXPECT_EQ(file.info(4).name, made_.name(4));
    EXPECT_EQ(file.keys().size(), 5U);
    EXPECT_EQ(file.path(), made_.path());
    EXPECT_EQ(code_of([&] { return file.at(0); }), Code::closed);
    EXPECT_EQ(code_of([&] { return file[made_.name(1)]; }), Code::closed);
    EXPECT_EQ(code_of([&] { return file.writable(made_.name(1)); }), Code::closed);
    EXPECT_EQ(code_of([&] { return file["no such"]; }), Code::tensor_not_found);
    EXPECT_EQ(file.check(), FileState::unchanged);
    const std::string_view names[] = {file.info(1).name};
    EXPECT_EQ(code_of([&] { return file.prefetch(names); }), Code::closed);
  };
  file.close();
  expect_closed();
  EXPECT_EQ(made_.wrong_words(live, 0), 0U);
  live = Tensor();
  expect_closed();
}

TEST_P(Close, EndsTheLockOfTheOpen) {
  const File file = tensorhold::open(made_.path(), {.access = GetParam(), .lock = true});
  Tensor tensor = file.at(0);
  (void)tensor.bytes();
  file.close();
  if (tensor.mapped()) {
    EXPECT_EQ(code_of([&] { return lock_exclusive(made_.path()); }), Code::lock_conflict);
  }
  tensor = Tensor();
  EXPECT_EQ(code_of([&] { return lock_exclusive(made_.path()); }), Code{});
}

TEST_P(Close, AndAReleaseAfterIt) {
  const File file = open();
  const Tensor tensor = file.at(1);
  file.close();
  const Result<Released> released = try_release(made_.path());
  if (!released && released.error().code() == Code::release_unsupported)
    GTEST_SKIP() << released.error().reason();
  ASSERT_TRUE(released) << released.error().what();
  EXPECT_EQ(released.value().tensors, 1U);
  expect_free(made_.path());
  EXPECT_EQ(made_.wrong_words(tensor, 1), 0U);
}

// Others ask while one closes: each gets a tensor, whose bytes are right for as long as it lives,
// or is refused by name; and in the end nothing is held.
TEST_P(Close, OthersAskForTensorsMeanwhile) {
  std::atomic<std::uint64_t> had = 0;
  std::atomic<std::uint64_t> wrong = 0;
  for (int round = 0; round < 300; ++round) {
    const File file = open();
    std::atomic<unsigned> asking = 0;
    std::vector<std::thread> threads;
    for (unsigned thread = 0; thread < 3; ++thread)
      threads.emplace_back([&, thread] {
        ++asking;
        for (std::size_t n = thread;; ++n) {
          // All the same tensor for a while: the last drop and the next ask meet.
          const std::size_t index = n / 16 % 5;
          const bool writable = thread == 2 && n % 4 == 0;
          try {
            const Tensor tensor = writable ? file.writable(made_.name(index)) : file.at(index);
            std::uint64_t word = 0;
            std::memcpy(&word, tensor.bytes().data(), 8);
            wrong += word != test::ManyTensors::word(index * 1000) ? 1 : 0;
            if (n % 8 == 0) wrong += made_.wrong_words(tensor.copy(), index);
            ++had;
          } catch (const Error& error) {
            wrong += error.code() != Code::closed ? 1 : 0;
            return;
          }
        }
      });
    while (asking < 3) std::this_thread::yield();
    if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(round * 3));
    file.close();
    for (std::thread& thread : threads) thread.join();
    if (round % 30 == 0) {
      ASSERT_TRUE(holders(made_.path()).empty()) << round;
    }
  }
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(had, 0U);
  expect_free(made_.path());
}

INSTANTIATE_TEST_SUITE_P(Both, Close, ::testing::Values(Access::mapped, Access::owned),
                         [](const auto& access) {
                           return access.param == Access::mapped ? "mapped" : "owned";
                         });

TEST(CloseFromMemory, LetsGoOfTheOwnerOfTheBytes) {
  const test::ManyTensors made(2, 100);
  auto bytes = std::make_shared<const std::string>(test::read_file(made.path()));
  const std::weak_ptr<const std::string> owner = bytes;
  const std::span<const std::byte> all = std::as_bytes(std::span(*bytes));
  const File file = open_bytes(all, std::move(bytes));
  Tensor tensor = file.at(1);
  file.close();
  EXPECT_EQ(code_of([&] { return file.at(1); }), Code::closed);
  EXPECT_EQ(made.wrong_words(tensor, 1), 0U);
  EXPECT_FALSE(owner.expired());
  tensor = Tensor();
  EXPECT_TRUE(owner.expired());
  EXPECT_EQ(file.info(1).name, made.name(1));
}

TEST(CloseInARelease, ByItsProgressWhileAnotherThreadWaitsForAView) {
  const test::ManyTensors made(3, 1000);
  const File file = made.open();
  const Tensor tensor = file.at(0);
  std::atomic<bool> asked = false;
  std::thread other;
  try {
    (void)file.release({.progress = [&](std::uint64_t, std::uint64_t) {
      if (other.joinable()) return;
      other = std::thread([&] {
        asked = true;
        const Code code = code_of([&] { return file.writable(made.name(1)); });
        EXPECT_TRUE(code == Code::released || code == Code::closed);
      });
      while (!asked) std::this_thread::yield();
      file.close();
    }});
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::release_unsupported) << error.what();
  }
  if (other.joinable()) other.join();
  EXPECT_EQ(made.wrong_words(tensor, 0), 0U);
}

}  // namespace
}  // namespace tensorhold
