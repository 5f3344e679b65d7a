// Pinned tensors keep their pages: a release is refused, and nothing changes.
#include "tensorhold/pin.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>

#include "support/many_tensors.hpp"

namespace tensorhold {
namespace {

constexpr std::size_t words = 512 * 8;

void expect_refused(const File& file, const std::string& tensor) {
  try {
    (void)file.release();
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::release_refused) << error.what();
    EXPECT_EQ(error.tensor(), tensor) << error.what();
    EXPECT_EQ(error.path(), file.path());
    EXPECT_FALSE(error.advice().empty());
  }
}

TEST(PinnedTensor, KeepsItsFileFromBeingReleased) {
  if (!test::releases_here()) GTEST_SKIP() << "no release here";
  const test::ManyTensors made(4, words);
  const File file = made.open();
  const Tensor other = file.at(0);
  const Tensor tensor = file.at(2);
  {
    const Pin held = pin(tensor);
    expect_refused(file, made.name(2));
    EXPECT_TRUE(tensor.mapped());
    EXPECT_TRUE(other.mapped());
    EXPECT_EQ(made.wrong_words(file.at(3), 3), 0U);  // new tensors can still be had
  }
  (void)file.release();
  EXPECT_FALSE(tensor.mapped());
  EXPECT_EQ(made.wrong_words(tensor, 2), 0U);
}

TEST(PinnedTensor, IsAlsoOneOfAnotherOpenOrAWritableView) {
  if (!test::releases_here()) GTEST_SKIP() << "no release here";
  const test::ManyTensors made(2, words);
  const File file = made.open();
  const File again = made.open();
  const Tensor tensor = file.at(0);
  {
    const Pin held = pin(again.writable(made.name(1)));
    const Result<Released> refused = try_release(made.path());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::release_refused);
    EXPECT_EQ(refused.error().tensor(), made.name(1));
    EXPECT_TRUE(tensor.mapped());
    (void)file.release();  // has nothing to do with the other open
  }
  EXPECT_TRUE(try_release(made.path()));
}

TEST(PinnedTensor, KeepsItsFileFromBeingReclaimed) {
  if (!test::releases_here()) GTEST_SKIP() << "no release here";
  const test::ManyTensors made(2, words);
  const Tensor tensor = made.open().at(0);
  {
    const Pin held = pin(tensor);
    try {
      (void)tensorhold::remove(made.path(), {.reclaim_space = true});
      FAIL() << "not refused";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::release_refused) << error.what();
    }
    EXPECT_EQ(made.open().size(), 2U);
  }
  EXPECT_TRUE(tensorhold::remove(made.path(), {.reclaim_space = true}).released);
  EXPECT_FALSE(tensor.mapped());
  EXPECT_EQ(made.wrong_words(tensor, 0), 0U);
}

TEST(PinnedTensor, LivesAsLongAsItsLastPin) {
  if (!test::releases_here()) GTEST_SKIP() << "no release here";
  const test::ManyTensors made(3, words);
  std::optional<File> file = made.open();
  Pin first = pin(file->at(1));
  Pin second = pin(first.tensor());
  Pin third = std::move(first);
  EXPECT_FALSE(first.valid());  // NOLINT: says what a move leaves
  second = std::move(third);
  expect_refused(*file, made.name(1));
  file.reset();
  EXPECT_FALSE(try_release(made.path()));
  EXPECT_EQ(made.wrong_words(second.tensor(), 1), 0U);
  second = Pin();
  EXPECT_EQ(try_release(made.path()).value().files, 0U);
}

TEST(PinnedTensor, OfPrivateMemoryHindersNobody) {
  const test::ManyTensors made(2, words);
  const File file = made.open(Access::owned);
  const Pin held = pin(file.at(0));
  const Pin copy = pin(held.tensor().copy());
  const std::byte* const address = held.tensor().bytes().data();
  (void)file.release();
  EXPECT_EQ(held.tensor().bytes().data(), address);
  EXPECT_EQ(made.wrong_words(held.tensor(), 0), 0U);
  EXPECT_EQ(made.wrong_words(copy.tensor(), 0), 0U);
}

TEST(PinnedTensor, MayBePinnedAfterTheRelease) {
  if (!test::releases_here()) GTEST_SKIP() << "no release here";
  const test::ManyTensors made(2, words);
  const File file = made.open();
  const Tensor tensor = file.at(0);
  (void)file.release();
  const Pin held = pin(tensor);
  EXPECT_EQ(file.release().bytes, 0U);
}

TEST(PinnedDuringARelease, WaitsForItsEnd) {
  if (!test::releases_here()) GTEST_SKIP() << "no release here";
  const test::ManyTensors made(3, std::size_t{8} << 20);  // 64 MiB each: several chunks
  const File file = made.open();
  const Tensor first = file.at(0);
  const Tensor last = file.at(2);
  std::atomic<bool> begun = false;
  bool was_mapped = true;
  std::thread pinner;
  (void)file.release({.threads = 1, .progress = [&](std::uint64_t, std::uint64_t) {
                        if (pinner.joinable()) return;
                        pinner = std::thread([&] {
                          begun.store(true);
                          const Pin held = pin(last);
                          was_mapped = last.mapped();
                        });
                        while (!begun.load()) std::this_thread::yield();
                      }});
  pinner.join();
  EXPECT_FALSE(was_mapped);
}

TEST(PinnedDuringARelease, FromItsOwnCallbackIsAnError) {
  if (!test::releases_here()) GTEST_SKIP() << "no release here";
  const test::ManyTensors made(1, words);
  const File file = made.open();
  const Tensor tensor = file.at(0);
  std::vector<Code> codes;
  (void)file.release({.progress = [&](std::uint64_t, std::uint64_t) {
    try {
      (void)pin(tensor);
    } catch (const Error& error) {
      codes.push_back(error.code());
    }
    codes.push_back(try_release(made.path()).error().code());
  }});
  ASSERT_GE(codes.size(), 2U);
  for (const Code code : codes) EXPECT_EQ(code, Code::invalid_argument);
  EXPECT_FALSE(tensor.mapped());
}

TEST(PinnedDuringARelease, NeverLosesItsPages) {
  if (!test::releases_here()) GTEST_SKIP() << "no release here";
  for (int round = 0; round < 50; ++round) {
    const test::ManyTensors made(2, words);
    const File file = made.open();
    const Tensor tensor = file.at(1);
    std::atomic<bool> released = false;
    std::atomic<int> lost = 0;
    std::atomic<int> pins = 0;
    std::vector<std::thread> pinners;
    for (int i = 0; i < 2; ++i)
      pinners.emplace_back([&] {
        while (!released.load()) {
          {
            const Pin held = pin(tensor);
            const bool before = tensor.mapped();
            std::this_thread::yield();
            lost += before && !tensor.mapped() ? 1 : 0;
            pins += 1;
          }
          std::this_thread::yield();
        }
      });
    while (pins.load() < 10) std::this_thread::yield();
    for (Result<Released> tried = try_release(made.path()); !tried;
         tried = try_release(made.path())) {
      ASSERT_EQ(tried.error().code(), Code::release_refused) << tried.error().what();
      std::this_thread::yield();
    }
    released.store(true);
    for (std::thread& thread : pinners) thread.join();
    EXPECT_EQ(lost.load(), 0);
    EXPECT_FALSE(tensor.mapped());
    EXPECT_EQ(made.wrong_words(tensor, 1), 0U);
  }
}

}  // namespace
}  // namespace tensorhold
