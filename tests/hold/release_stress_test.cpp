// Other threads read, write, copy, drop and fork while a file is released.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "support/many_tensors.hpp"
#include "support/stress.hpp"
#if !defined(_WIN32)
#include "support/child_posix.hpp"
#endif

namespace tensorhold {
namespace {

// A sanitizer needs a hundredth of it to see a race, and Wine is slow; there it is the same with
// any factor.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || defined(_WIN32)
const std::uint64_t reads_wanted = 10'000'000;
const std::uint64_t writes_wanted = 1'000'000;
#else
const std::uint64_t reads_wanted = test::stressed(1'000'000'000);
const std::uint64_t writes_wanted = test::stressed(100'000'000);
#endif

constexpr std::size_t count = 16;
constexpr std::size_t words = std::size_t{1} << 20;  // 8 MiB a tensor, 128 MiB in all

/// Threads that do the same until told to stop.
class Crowd {
 public:
  template <class Action>
  Crowd(unsigned threads, Action action) {
    for (unsigned i = 0; i < threads; ++i)
      threads_.emplace_back([this, action, i] {
        while (!stop_.load(std::memory_order_relaxed)) action(i);
      });
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd() { join(); }
  void join() {
    stop_.store(true);
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

class ReleaseStress : public ::testing::Test {
 protected:
  void SetUp() override {
    const test::ManyTensors one(1, 8);
    const File file = one.open();
    const Tensor tensor = file.at(0);
    try {
      (void)file.release();
    } catch (const Error& error) {
      if (error.code() == Code::release_unsupported) GTEST_SKIP() << error.reason();
      throw;
    }
  }

  test::ManyTensors made_{count, words};
};

TEST_F(ReleaseStress, ReadersNeverSeeAWrongByte) {
  std::atomic<std::uint64_t> reads = 0;
  std::atomic<std::uint64_t> wrong = 0;
  while (reads.load() < reads_wanted) {
    const File file = made_.open();
    std::vector<Tensor> tensors;
    for (std::size_t i = 0; i < count; i += 2) tensors.push_back(file.at(i));
    std::atomic<std::uint64_t> passes = 0;
    Crowd readers(2, [&](unsigned reader) {
      for (std::size_t n = 0; n < tensors.size(); ++n) {
        const std::size_t at = (n + reader * 3) % tensors.size();
        wrong.fetch_add(made_.wrong_words(tensors[at], at * 2));
        reads.fetch_add(words);
      }
      passes.fetch_add(1);
    });
    while (passes.load() == 0) std::this_thread::yield();
    (void)file.release();
    const std::uint64_t then = passes.load();
    while (passes.load() < then + 3) std::this_thread::yield();
  }
  EXPECT_EQ(wrong.load(), 0U);
}

TEST_F(ReleaseStress, WritersLoseNothing) {
  // Each thread has words of its own and remembers what it wrote there.
  constexpr unsigned writers = 2;
  std::atomic<std::uint64_t> writes = 0;
  std::atomic<std::uint64_t> lost = 0;
  while (writes.load() < writes_wanted) {
    const File file = made_.open();
    const Tensor tensor = file.writable(made_.name(1));
    std::vector<std::uint64_t> expected(words);
    std::memcpy(expected.data(), tensor.bytes().data(), tensor.nbytes());
    std::byte* const bytes = tensor.writable_bytes().data();
    std::atomic<std::uint64_t> passes = 0;
    Crowd crowd(writers, [&](unsigned writer) {
      for (std::size_t i = writer; i < words; i += writers) {
        std::uint64_t seen = 0;
        std::memcpy(&seen, bytes + i * 8, 8);
        if (seen != expected[i]) lost.fetch_add(1);
        expected[i] = seen + 1;
        std::memcpy(bytes + i * 8, &expected[i], 8);
      }
      writes.fetch_add(words / writers);
      passes.fetch_add(1);
    });
    while (passes.load() == 0) std::this_thread::yield();
    (void)file.release();
    const std::uint64_t then = passes.load();
    while (passes.load() < then + 2) std::this_thread::yield();
    crowd.join();
    EXPECT_EQ(std::memcmp(bytes, expected.data(), tensor.nbytes()), 0);
  }
  EXPECT_EQ(lost.load(), 0U);
}

TEST_F(ReleaseStress, TensorsAreTakenCopiedAndDroppedMeanwhile) {
  for (int round = 0; round < 10; ++round) {
    const File file = made_.open();
    const Tensor kept = file.at(5);
    std::atomic<std::uint64_t> wrong = 0;
    std::atomic<std::uint64_t> taken = 0;
    std::atomic<std::uint64_t> refused = 0;
    Crowd crowd(3, [&](unsigned thread) {
      const Tensor another = kept;
      try {
        const std::size_t index = (taken.load() + thread) % count;
        const Tensor tensor = file.at(index);
        const std::size_t at = taken.load() * 4099 % words;
        std::uint64_t seen = 0;
        std::memcpy(&seen, tensor.bytes().data() + at * 8, 8);
        wrong.fetch_add(seen != made_.word(index * words + at));
        wrong.fetch_add(tensor.copy().nbytes() != words * 8);
        taken.fetch_add(1);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::released) << error.what();
        refused.fetch_add(1);
      }
    });
    while (taken.load() < 20) std::this_thread::yield();
    (void)file.release();
    while (refused.load() < 20) std::this_thread::yield();
    crowd.join();
    EXPECT_EQ(wrong.load(), 0U);
    EXPECT_EQ(made_.wrong_words(kept, 5), 0U);
    EXPECT_FALSE(kept.mapped());
  }
}

TEST_F(ReleaseStress, ManyReleaseTheSameFileAtOnce) {
  for (int round = 0; round < 10; ++round) {
    const File file = made_.open();
    const File other = made_.open();
    const Tensor tensor = file.at(3);
    const Tensor view = other.writable(made_.name(4));
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { (void)release(made_.path()); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(made_.wrong_words(tensor, 3), 0U);
    EXPECT_EQ(made_.wrong_words(view, 4), 0U);
    EXPECT_FALSE(tensor.mapped());
    EXPECT_FALSE(view.mapped());
  }
}

TEST_F(ReleaseStress, ViewsAreMadeMeanwhile) {
  const test::ManyTensors small(2, 1000);
  for (int round = 0; round < 2000; ++round) {
    const File file = small.open();
    const Tensor tensor = file.at(0);
    std::atomic<bool> go = false;
    Tensor view;
    std::thread maker([&] {
      while (!go.load()) {
      }
      try {
        view = file.writable(small.name(1));
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::released) << error.what();
      }
    });
    go.store(true);
    (void)file.release();
    maker.join();
    EXPECT_FALSE(tensor.mapped());
    if (!view.valid()) continue;
    EXPECT_FALSE(view.mapped());
    EXPECT_EQ(small.wrong_words(view, 1), 0U);
  }
}

TEST_F(ReleaseStress, TheFileIsOpenedMeanwhile) {
  const test::ManyTensors small(2, 1000);
  std::atomic<std::uint64_t> opened = 0;
  Crowd crowd(2, [&](unsigned) {
    for (const Access access : {Access::mapped, Access::owned}) {
      try {
        const File file = small.open(access);
        const Tensor tensor = file.at(1);
        EXPECT_EQ(small.wrong_words(tensor, 1), 0U);
        opened.fetch_add(1);
      } catch (const Error& error) {
        // Opened, but released before the tensor was asked for.
        EXPECT_EQ(error.code(), Code::released) << error.what();
        EXPECT_EQ(error.tensor(), small.name(1)) << error.what();
      }
    }
  });
  while (opened.load() < 2000) (void)release(small.path());
  crowd.join();
}

// Not with sanitizers: a child of a fork while another thread allocates waits for their allocator's
// lock for ever.
#if !defined(_WIN32) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
TEST_F(ReleaseStress, ChildrenForkedMeanwhileSeeEveryByte) {
  const File file = made_.open();
  const Tensor tensor = file.at(2);
  const Tensor view = file.writable(made_.name(7));
  view.writable_bytes()[0] = std::byte{7};
  std::atomic<bool> done = false;
  std::thread releaser([&] {
    (void)file.release();
    done.store(true);
  });
  int children = 0;
  while (!done.load() || children < 3) {
    ++children;
    EXPECT_EQ(test::in_child([&]() -> std::string {
                if (made_.wrong_words(tensor, 2) != 0) return "wrong";
                view.writable_bytes()[1] = std::byte{1};
                if (view.bytes()[0] != std::byte{7}) return "lost";
                (void)file.release();  // the turn of a thread that the child does not have
                return made_.wrong_words(tensor, 2) == 0 ? "" : "wrong after release";
              }),
              "");
  }
  releaser.join();
  EXPECT_EQ(made_.wrong_words(tensor, 2), 0U);
}
#endif

}  // namespace
}  // namespace tensorhold
