// Faults in guarded memory and elsewhere. Each in a child: handlers are of the whole process.
#include "os/fault/guard.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csetjmp>
#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "support/child_posix.hpp"
#include "support/scratch.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using test::in_child;
using test::Scratch;

/// A mapped file of 64 pages of 'x'.
struct Mapped {
  explicit Mapped(Protection protection = Protection::read_only) {
    test::write_file(path, std::string(size, 'x'));
    mapping = Mapping::map(File::open_read(path), size, protection);
  }
  void truncate(std::size_t pages) const {
    std::filesystem::resize_file(path, pages * page_size());
  }
  [[nodiscard]] volatile std::byte* at(std::size_t page) const {
    return mapping.data() + page * page_size();
  }
  // Not seen by ThreadSanitizer, which takes every mmap of a page for a write to it.
  [[nodiscard, gnu::noinline, gnu::no_sanitize("thread")]] char read(std::size_t page) const {
    return static_cast<char>(*at(page));
  }

  std::size_t size = 64 * page_size();
  Scratch scratch;
  std::string path = scratch / "f";
  Mapping mapping;
};

sigjmp_buf escape;
volatile std::sig_atomic_t calls = 0;
void count_and_escape(int) {
  calls = calls + 1;
  siglongjmp(escape, 1);
}
void count_with_info(int, siginfo_t* info, void*) {
  if (info->si_code == BUS_ADRERR) calls = calls + 1;
  siglongjmp(escape, 1);
}

struct ::sigaction current() {
  struct ::sigaction action {};
  (void)::sigaction(SIGBUS, nullptr, &action);
  return action;
}
void install(void (*handler)(int), int flags = 0) {
  struct ::sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  (void)::sigaction(SIGBUS, &action, nullptr);
}

/// The signal that ended a child that ran `body`; 0: none did.
int signal_of(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  (void)::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(Guard, PutsZerosWhereBytesAreLostAndTells) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    const Mapped file;
    const Guard guard(file.mapping.data(), file.size, Protection::read_only);
    if (guard.damaged_bytes() != 0) return "damaged from the start";
    file.truncate(10);
    if (file.read(9) != 'x') return "lost what is still there";
    if (file.read(20) != 0 || file.read(63) != 0) return "no zeros";
    if (guard.damaged_bytes() == 0) return "does not tell";
    return file.read(9) == 'x' ? "" : "lost what is still there, in the end";
  }));
}

TEST(Guard, WritableRangesCanBeWrittenAfterwards) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    const Mapped file(Protection::private_writable);
    const Guard guard(file.mapping.data(), file.size, Protection::private_writable);
    file.truncate(0);
    *file.at(5) = std::byte{'w'};
    return file.read(5) == 'w' && guard.damaged_bytes() > 0 ? "" : "the write is lost";
  }));
}

TEST(Guard, ManyThreadsAndManyRangesAtOnce) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    std::vector<std::unique_ptr<Mapped>> files;
    std::vector<std::unique_ptr<Guard>> guards;
    for (int i = 0; i < 100; ++i) {
      files.push_back(std::make_unique<Mapped>());
      guards.push_back(std::make_unique<Guard>(files.back()->mapping.data(), files.back()->size,
                                               Protection::read_only));
      files.back()->truncate(1);
    }
    std::atomic<int> wrong = 0;
    std::vector<std::thread> readers;
    for (int i = 0; i < 4; ++i)
      readers.emplace_back([&] {
        for (const auto& file : files)
          for (std::size_t page = 0; page < 64; ++page)
            wrong += file->read(page) == (page == 0 ? 'x' : 0) ? 0 : 1;
      });
    for (std::thread& reader : readers) reader.join();
    const bool all = std::ranges::all_of(
        guards, [&](const auto& guard) { return guard->damaged_bytes() == 63 * page_size(); });
    return wrong != 0 ? "wrong bytes" : all ? "" : "damage is counted wrong";
  }));
}

TEST(Guard, APageExchangedMeanwhileIsNotZeroed) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    const Scratch scratch;
    test::write_file(scratch / "good", std::string(page_size(), 'r'));
    const File good = File::open_read(scratch / "good");
    for (int round = 0; round < 100; ++round) {
      const Mapped file;
      const Guard guard(file.mapping.data(), file.size, Protection::read_only);
      file.truncate(0);
      std::thread reader([&] { (void)file.read(0); });
      {
        const GuardPause pause;
        (void)::mmap(file.mapping.data(), page_size(), PROT_READ, MAP_PRIVATE | MAP_FIXED,
                     static_cast<int>(good.native()), 0);
      }
      reader.join();
      if (file.read(0) != 'r') return "zeros over an exchanged page";
    }
    return "";
  }));
}

TEST(Guard, AFaultElsewhereEndsTheProcessAsBefore) {
  EXPECT_EQ(signal_of([] {
              const Mapped guarded;
              const Mapped other;
              const Guard guard(guarded.mapping.data(), guarded.size, Protection::read_only);
              install(SIG_DFL);
              const Guard over(other.mapping.data(), page_size(), Protection::read_only);
              other.truncate(0);
              (void)other.read(3);
            }),
            SIGBUS);
}

TEST(Guard, ASignalThatIsSentDoesWhatItDidBefore) {
  EXPECT_EQ(signal_of([] {
              const Mapped file;
              install(SIG_DFL);
              const Guard guard(file.mapping.data(), file.size, Protection::read_only);
              (void)::raise(SIGBUS);
            }),
            SIGBUS);
  EXPECT_EQ(signal_of([] {
              const Mapped file;
              install(SIG_IGN);
              const Guard guard(file.mapping.data(), file.size, Protection::read_only);
              (void)::raise(SIGBUS);
              (void)::raise(SIGBUS);
            }),
            0);
}

TEST(Guard, AHandlerFromBeforeGetsFaultsElsewhere) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    const Mapped guarded;
    const Mapped other;
    install(count_and_escape, SA_NODEFER);
    const Guard guard(guarded.mapping.data(), guarded.size, Protection::read_only);
    guarded.truncate(0);
    other.truncate(0);
    if (guarded.read(0) != 0 || calls != 0) return "it got a fault of ours";
    if (sigsetjmp(escape, 1) == 0) (void)other.read(0);
    return calls == 1 ? "" : "it did not get its fault";
  }));
}

TEST(Guard, AHandlerWithInfoOnAnotherStackGetsBoth) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    std::vector<char> room(64 << 10);
    stack_t stack{};
    stack.ss_sp = room.data();
    stack.ss_size = room.size();
    if (::sigaltstack(&stack, nullptr) != 0) return "skip: no alternate stack";
    struct ::sigaction action {};
    action.sa_sigaction = count_with_info;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    (void)::sigaction(SIGBUS, &action, nullptr);
    const Mapped guarded;
    const Mapped other;
    const Guard guard(guarded.mapping.data(), guarded.size, Protection::read_only);
    other.truncate(0);
    if (sigsetjmp(escape, 1) == 0) (void)other.read(0);
    guarded.truncate(0);
    return calls == 1 && guarded.read(1) == 0 ? "" : "a fault went astray";
  }));
}

struct ::sigaction below {};
void pass_down(int signal, siginfo_t* info, void* context) {
  calls = calls + 1;
  below.sa_sigaction(signal, info, context);
}

TEST(Guard, AHandlerInstalledLaterMayPassOnToUs) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    const Mapped first;
    const Mapped second;
    auto guard = std::make_unique<Guard>(first.mapping.data(), first.size, Protection::read_only);
    struct ::sigaction action {};
    action.sa_sigaction = pass_down;
    action.sa_flags = SA_SIGINFO;
    (void)::sigaction(SIGBUS, &action, &below);
    first.truncate(0);
    if (first.read(0) != 0 || calls == 0) return "its fault did not reach us";
    guard.reset();
    if (current().sa_sigaction != pass_down) return "the later handler was taken out";
    const Guard again(second.mapping.data(), second.size, Protection::read_only);
    second.truncate(0);
    return second.read(0) == 0 ? "" : "no zeros the second time";
  }));
  EXPECT_EQ(signal_of([] {
              install(SIG_DFL);
              const Mapped first;
              const Mapped other;
              const Guard guard(first.mapping.data(), first.size, Protection::read_only);
              struct ::sigaction action {};
              action.sa_sigaction = pass_down;
              action.sa_flags = SA_SIGINFO;
              (void)::sigaction(SIGBUS, &action, &below);
              const Guard over(other.mapping.data(), page_size(), Protection::read_only);
              other.truncate(0);
              (void)other.read(1);  // ours, theirs, ours, and then the system
            }),
            SIGBUS);
}

TEST(Guard, TheLastOneTakesTheHandlerOut) {
  TENSORHOLD_EXPECT_CHILD(in_child([]() -> std::string {
    install(count_and_escape, SA_NODEFER);
    {
      const Mapped file;
      const Guard one(file.mapping.data(), page_size(), Protection::read_only);
      const Guard two(file.mapping.data() + page_size(), page_size(), Protection::read_only);
      if (current().sa_handler == count_and_escape) return "no handler";
    }
    if (current().sa_handler != count_and_escape) return "not put back";
    return (current().sa_flags & SA_NODEFER) != 0 ? "" : "put back with other flags";
  }));
}

TEST(Guard, RefusesWhatIsNotWholePages) {
  const Mapped file;
  EXPECT_THROW(Guard(file.mapping.data() + 1, page_size(), Protection::read_only), Error);
  EXPECT_THROW(Guard(file.mapping.data(), 100, Protection::read_only), Error);
  EXPECT_THROW(Guard(nullptr, page_size(), Protection::read_only), Error);
}

}  // namespace
}  // namespace tensorhold::os
