// Writes that wait for a copy, among other handlers of SIGSEGV. Each in a child: handlers are of
// the whole process.
#include "os/release/write_gate_linux.hpp"

#include <gtest/gtest.h>
#include <setjmp.h>
#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/child_posix.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using test::in_child;

constexpr std::size_t page = 4096;

struct Memory {
  Memory() {
    void* const mapped =
        ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped != MAP_FAILED) bytes = static_cast<std::byte*>(mapped);
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { (void)::munmap(bytes, page); }
  void protect(int protection) const { (void)::mprotect(bytes, page, protection); }
  std::byte* bytes = nullptr;
};

void write_to(std::byte* at) { *const_cast<volatile std::byte*>(at) = std::byte{1}; }

/// True: a write to a closed part waited until it was opened, and was done then.
bool write_waits() {
  const Memory memory;
  const WriteGate gate(memory.bytes, page);
  std::atomic<bool> going = false;
  std::atomic<bool> written = false;
  std::thread writer;
  bool early = false;
  {
    const WriteGate::Closed closed(gate, memory.bytes, page);
    memory.protect(PROT_READ);
    writer = std::thread([&] {
      going = true;
      write_to(memory.bytes);
      written = true;
    });
    while (!going) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    early = written;
    memory.protect(PROT_READ | PROT_WRITE);
  }
  writer.join();
  return !early && memory.bytes[0] == std::byte{1};
}

// Handlers of others. Each goes on behind the access that faulted.
sigjmp_buf back;
std::atomic<int> first_called = 0;
std::atomic<int> second_called = 0;
void first(int) {
  ++first_called;
  siglongjmp(back, 1);
}
void second(int) {
  ++second_called;
  siglongjmp(back, 1);
}

void install(void (*handler)(int)) {
  struct ::sigaction action {};
  action.sa_handler = handler;
  (void)::sigaction(SIGSEGV, &action, nullptr);
}

/// Writes where nobody may.
void fault() {
  const Memory memory;
  memory.protect(PROT_READ);
  if (sigsetjmp(back, 1) == 0) write_to(memory.bytes);
}

TEST(WriteGate, WritesToAClosedPartWait) {
  TENSORHOLD_EXPECT_CHILD(
      in_child([]() -> std::string { return write_waits() ? "" : "did not wait"; }));
}

TEST(WriteGate, OtherFaultsGoToTheHandlerThatWasThere) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    install(first);
    if (!write_waits()) return "did not wait";
    fault();
    if (first_called != 1) return "not passed on";
    return write_waits() ? "" : "did not wait afterwards";
  }));
}

TEST(WriteGate, ComesBackOverAHandlerThatWasPutOverIt) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    install(first);
    if (!write_waits()) return "did not wait";
    install(second);
    if (!write_waits()) return "did not wait under another handler";
    fault();
    if (second_called != 1 || first_called != 0) return "passed on to the wrong one";
    return "";
  }));
}

TEST(WriteGate, ComesBackOverTheSameHandlersAnyNumberOfTimes) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    for (int round = 0; round < 1000; ++round) {
      install(round % 2 == 0 ? first : second);
      const Memory memory;
      const WriteGate gate(memory.bytes, page);
    }
    if (!write_waits()) return "did not wait";
    fault();
    return second_called == 1 && first_called == 0 ? "" : "passed on to the wrong one";
  }));
}

std::atomic<int> last_called = -1;
template <int number>
void numbered(int) {
  last_called = number;
  siglongjmp(back, 1);
}
template <int... number>
std::vector<void (*)(int)> many(std::integer_sequence<int, number...>) {
  return {numbered<number>...};
}

TEST(WriteGate, RefusesWhenItCannotComeBackAnyMore) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    int round = 0;
    for (void (*const handler)(int) : many(std::make_integer_sequence<int, 40>())) {
      install(handler);
      const Memory memory;
      try {
        const WriteGate gate(memory.bytes, page);
      } catch (const Error& error) {
        if (error.code() != Code::release_unsupported) return error.what();
        fault();
        return last_called == round ? "" : "the last handler lost its faults";
      }
      if (!write_waits()) return "did not wait";
      ++round;
    }
    return "never refused";
  }));
}

// A sanitizer has a handler of its own below.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
TEST(WriteGateDeath, AFaultThatNobodyWantsEndsTheProcess) {
  EXPECT_EXIT(
      {
        if (write_waits()) {
          const Memory memory;
          memory.protect(PROT_READ);
          write_to(memory.bytes);
        }
      },
      ::testing::KilledBySignal(SIGSEGV), "");
}
#endif

}  // namespace
}  // namespace tensorhold::os
