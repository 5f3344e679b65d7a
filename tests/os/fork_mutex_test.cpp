// What children of a process with threads find of its locks.
#include "os/process/fork_mutex.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/child_posix.hpp"
#include "support/stress.hpp"

namespace tensorhold::os {
namespace {

/// Threads that do the same again and again while this lives.
class Busy {
 public:
  Busy(int threads, std::function<void()> work) {
    for (int i = 0; i < threads; ++i)
      threads_.emplace_back([this, work] {
        while (!stop_.load()) work();
      });
  }
  ~Busy() {
    stop_.store(true);
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

/// Of so many children, those that did not end with 0 within ten seconds.
int failed_children(std::uint64_t forks, const std::function<bool()>& body) {
  int failed = 0;
  for (; forks != 0; --forks) {
    const pid_t child = ::fork();
    if (child == 0) {
      (void)::alarm(10);
      ::_exit(body() ? 0 : 1);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child || status != 0) ++failed;
  }
  return failed;
}

class ForkMutexTest : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "a child of a process with threads waits for the sanitizer's locks";
#endif
  }
};

TEST(ForkMutex, LetsInOneAtATime) {
  ForkMutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 50'000; ++n) {
        const std::lock_guard lock(mutex);
        ++count;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 200'000);
}

TEST(ForkMutex, IsRefusedToTryWhileAnotherHasIt) {
  ForkMutex mutex;
  {
    const std::lock_guard lock(mutex);
    std::thread([&] { EXPECT_FALSE(mutex.try_lock()); }).join();
  }
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST_F(ForkMutexTest, IsFreeInAChildAndWhatItGuardsIsWhole) {
  ForkMutex mutex;
  volatile int first = 0;
  volatile int second = 0;
  const Busy busy(3, [&] {
    const std::lock_guard lock(mutex);
    first = first + 1;
    for (int i = 0; i < 20; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    second = second + 1;
  });
  EXPECT_EQ(0, failed_children(test::stressed(1000), [&] {
              const std::lock_guard lock(mutex);
              return first == second;
            }));
}

TEST_F(ForkMutexTest, NestsInAnyOrderOfTwoAndASection) {
  ForkMutex outer;
  ForkMutex inner;
  volatile int first = 0;
  volatile int second = 0;
  const Busy busy(3, [&] {
    const ForkSection section;
    const std::lock_guard one(outer);
    first = first + 1;
    const std::lock_guard two(inner);
    second = second + 1;
  });
  EXPECT_EQ(0, failed_children(test::stressed(1000), [&] {
              const ForkSection section;
              const std::lock_guard two(inner);
              const std::lock_guard one(outer);
              return first == second;
            }));
}

TEST_F(ForkMutexTest, IsUsedByManyThreadsThatComeAndGo) {
  ForkMutex mutex;
  volatile int first = 0;
  volatile int second = 0;
  const Busy busy(2, [&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 50; ++i)
      threads.emplace_back([&] {
        const std::lock_guard lock(mutex);
        first = first + 1;
        second = second + 1;
      });
    for (std::thread& thread : threads) thread.join();
  });
  EXPECT_EQ(0, failed_children(test::stressed(300), [&] {
              bool whole = false;
              std::thread([&] {
                const std::lock_guard lock(mutex);
                whole = first == second;
              }).join();
              return whole;
            }));
}

TEST_F(ForkMutexTest, WorksInForksOfTwoThreadsAndOfChildren) {
  ForkMutex mutex;
  const Busy busy(1, [&] { const std::lock_guard lock(mutex); });
  std::atomic<int> failed = 0;
  std::vector<std::thread> forking;
  for (int i = 0; i < 2; ++i)
    forking.emplace_back([&] {
      failed += failed_children(test::stressed(200), [&] {
        const std::lock_guard lock(mutex);
        return failed_children(1, [&] { return mutex.try_lock(); }) == 1;  // held by the parent
      });
    });
  for (std::thread& thread : forking) thread.join();
  EXPECT_EQ(failed.load(), 0);
}

TEST(ForkMutex, TellsAChildFromItsParent) {
  const std::uint64_t before = forks_before();
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    return forks_before() == before + 1 ? "" : "the child has its parent's number";
  }));
  EXPECT_EQ(forks_before(), before);
}

// Handlers that were registered before the library's run between them.
ForkMutex used_in_handlers;
std::atomic<int> handlers_ran = 0;

TEST(ForkMutex, IsUsedByForkHandlersOfOthers) {
  const auto use = [] {
    const std::lock_guard lock(used_in_handlers);
    ++handlers_ran;
  };
  ASSERT_EQ(::pthread_atfork(use, use, use), 0);
  TENSORHOLD_EXPECT_CHILD(test::in_child(
      []() -> std::string { return handlers_ran.load() == 2 ? "" : "the handlers did not run"; }));
  EXPECT_EQ(handlers_ran.load(), 2);
}

}  // namespace
}  // namespace tensorhold::os
