// Copies out of a mapping whose file becomes shorter. Those that change handlers are in a child:
// handlers are of the whole process.
#include "os/fault/copy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <functional>
#include <thread>
#include <vector>

#include "os/fault/guard.hpp"
#include "support/child_posix.hpp"
#include "support/mapped_ones.hpp"
#include "support/refuse_linux.hpp"

namespace tensorhold::os {
namespace {

using test::in_child;
using test::Mapped;

constexpr std::size_t pages = 64;
std::size_t bytes() { return pages * page_size(); }

/// One byte of each page.
base::Runs column() {
  static const std::array<std::uint64_t, 1> count{pages};
  static const std::array<std::uint64_t, 1> stride{page_size()};
  return {.offset = 7, .run_bytes = 1, .counts = count, .strides = stride};
}

bool copies_column(const Mapped& mapped) {
  std::vector<std::byte> to(pages);
  return copy_readable_runs(mapped.begin(), column(), to.data()) &&
         std::ranges::count(to, std::byte{1}) == static_cast<std::ptrdiff_t>(pages);
}

std::size_t copied(const Mapped& mapped) {
  std::vector<std::byte> to(bytes());
  return copy_readable(mapped.begin(), to);
}

void block_bus() {
  sigset_t bus;
  (void)::sigemptyset(&bus);
  (void)::sigaddset(&bus, SIGBUS);
  (void)::pthread_sigmask(SIG_BLOCK, &bus, nullptr);
}

TEST(Copy, TellsHowFarTheFileReaches) {
  const Mapped mapped(bytes());
  EXPECT_EQ(copied(mapped), bytes());
  EXPECT_TRUE(copies_column(mapped));
  mapped.truncate(10 * page_size() + 1);
  EXPECT_EQ(copied(mapped), 11 * page_size());
  EXPECT_FALSE(copies_column(mapped));
  EXPECT_TRUE(copies_survive());
}

TEST(Copy, LeavesTheSignalMaskAsItWas) {
  const Mapped mapped(bytes());
  mapped.truncate();
  for (int round = 0; round < 3; ++round) EXPECT_EQ(copied(mapped), 0U);
  sigset_t mask;
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, nullptr, &mask), 0);
  EXPECT_EQ(::sigismember(&mask, SIGBUS), 0);
}

TEST(Copy, OfThreadsThatBlockTheSignalIsLeftToTheSystem) {
  const Mapped mapped(bytes());
  std::thread([&] {
    block_bus();
    EXPECT_EQ(copied(mapped), bytes());
    EXPECT_FALSE(copies_column(mapped));
    mapped.truncate(page_size());
    EXPECT_EQ(copied(mapped), page_size());
  }).join();
}

TEST(Copy, SurvivesWhereTheSystemsOwnIsForbidden) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    if (!test::refuse(SYS_process_vm_readv, EPERM)) return "skip: no filter of system calls";
    const Mapped mapped(bytes());
    mapped.truncate(3 * page_size());
    if (!copies_survive()) return "says that it does not survive";
    if (copied(mapped) != 3 * page_size()) return "came to another page";
    block_bus();
    if (copies_survive()) return "says that a thread that blocks the signal survives";
    const Mapped another(bytes());
    return copied(another) == bytes() ? "" : "no plain copy";
  }));
}

TEST(Copy, OfOtherThreadsGoesOn) {
  const Mapped whole(bytes());
  const Mapped cut(bytes());
  cut.truncate(5 * page_size());
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < 500; ++round) {
        const bool right = i % 2 == 0 ? copies_column(whole) && copied(whole) == bytes()
                                      : !copies_column(cut) && copied(cut) == 5 * page_size();
        wrong += right ? 0 : 1;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

sigjmp_buf escape;
volatile std::sig_atomic_t calls = 0;
void count_and_escape(int) {
  calls = calls + 1;
  siglongjmp(escape, 1);
}
void install(void (*handler)(int)) {
  struct ::sigaction action {};
  action.sa_handler = handler;
  (void)::sigaction(SIGBUS, &action, nullptr);
}
// A plain read, as a program makes it.
[[gnu::noinline]] void touch(const std::byte* at) {
  (void)*const_cast<const volatile std::byte*>(at);
}

TEST(Copy, LeavesFaultsElsewhereToTheHandlerFromBefore) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    install(count_and_escape);
    const Mapped mapped(bytes());
    if (!copies_column(mapped)) return "no copy";
    mapped.truncate();
    if (copied(mapped) != 0 || calls != 0) return "it got a fault of ours";
    if (sigsetjmp(escape, 1) == 0) touch(mapped.begin());
    if (calls != 1) return "it did not get its fault";
    return copied(mapped) == 0 && calls == 1 ? "" : "it got a fault of ours, later";
  }));
}

TEST(Copy, SurvivesAHandlerThatWasPutOverOurs) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    const Mapped mapped(bytes());
    if (!copies_column(mapped)) return "no copy";
    mapped.truncate();
    for (int round = 0; round < 20; ++round) {  // more often than handlers are remembered
      install(SIG_DFL);
      if (copied(mapped) != 0 || copies_column(mapped)) return "copied what is not there";
    }
    return "";
  }));
}

TEST(Copy, OfGuardedMemoryPutsNoZerosThere) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    const Mapped first(bytes());
    if (!copies_column(first)) return "no copy";
    // The guard's handler is over ours, then ours over it.
    for (int round = 0; round < 2; ++round) {
      const Mapped mapped(bytes());
      const Guard guard(const_cast<std::byte*>(mapped.begin()), bytes(), Protection::read_only);
      if (round == 1) install(SIG_DFL);
      mapped.truncate(page_size());
      for (int again = 0; again < 3; ++again)
        if (copies_column(mapped) || copied(mapped) != page_size()) return "copied what is lost";
      if (guard.damaged_bytes() != 0) return "a copy did damage";
    }
    return "";
  }));
}

}  // namespace
}  // namespace tensorhold::os
