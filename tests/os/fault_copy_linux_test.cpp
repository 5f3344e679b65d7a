// Plain loads from a mapping, which survive that its file becomes shorter.
#include "os/fault/fault_copy_linux.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <thread>
#include <vector>

#include "os/fault/guard.hpp"
#include "support/child_posix.hpp"
#include "support/mapped_ones.hpp"

namespace tensorhold::os {
namespace {

using test::Mapped;

constexpr std::size_t some = 10'000'001;

TEST(FaultCopy, CopiesWhatIsThere) {
  const FaultCopy loads;
  const Mapped mapped(some);
  mapped.touch();
  std::vector<std::byte> to(some);
  if (!loads.copy(mapped.begin(), to)) GTEST_SKIP() << "this system does not show page tables";
  EXPECT_EQ(std::ranges::count(to, std::byte{1}), static_cast<std::ptrdiff_t>(some));
}

TEST(FaultCopy, LeavesWhatIsNotThereToTheSystem) {
  const FaultCopy loads;
  const Mapped mapped(some);
  std::vector<std::byte> to(some);
  EXPECT_FALSE(loads.copy(mapped.begin(), to));
  mapped.touch();
  mapped.truncate();
  EXPECT_FALSE(loads.copy(mapped.begin(), to));
}

// What the handler below does in the middle of a copy.
int file_to_truncate = -1;
std::byte* closed_half = nullptr;
constexpr std::size_t half_bytes = std::size_t{4} << 20;

void truncate_and_open(int, siginfo_t*, void*) {
  if (::ftruncate(file_to_truncate, 0) != 0 ||
      ::mprotect(closed_half, half_bytes, PROT_READ | PROT_WRITE) != 0)
    ::_exit(1);
}

TEST(FaultCopy, EndsWhenTheFileBecomesShorterMeanwhile) {
  const FaultCopy loads;
  const Mapped mapped(2 * half_bytes);
  mapped.touch();
  void* const room =
      ::mmap(nullptr, 2 * half_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(room, MAP_FAILED);
  auto* const to = static_cast<std::byte*>(room);
  if (!loads.copy(mapped.begin(), {to, half_bytes}))
    GTEST_SKIP() << "this system does not show page tables";
  // The copy cannot write its second half: its file becomes empty before that opens.
  closed_half = to + half_bytes;
  file_to_truncate = ::open(mapped.path().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::mprotect(closed_half, half_bytes, PROT_NONE), 0);
  struct ::sigaction mine {};
  struct ::sigaction before {};
  mine.sa_flags = SA_SIGINFO;
  mine.sa_sigaction = truncate_and_open;
  ASSERT_EQ(::sigaction(SIGSEGV, &mine, &before), 0);
  EXPECT_FALSE(loads.copy(mapped.begin(), {to, 2 * half_bytes}));
  (void)::sigaction(SIGSEGV, &before, nullptr);
  EXPECT_EQ(std::filesystem::file_size(mapped.path()), 0U);  // so it was in the middle
  EXPECT_EQ(to[0], std::byte{1});
  (void)::close(file_to_truncate);
  // This thread can copy again.
  const Mapped another(some);
  another.touch();
  EXPECT_TRUE(loads.copy(another.begin(), {to, half_bytes}));
  (void)::munmap(room, 2 * half_bytes);
}

// In a child: handlers are of the whole process.
TEST(FaultCopy, AndGuardsTakeTurnsWithoutEnd) {
  TENSORHOLD_EXPECT_CHILD(test::in_child([]() -> std::string {
    constexpr std::size_t bytes = std::size_t{1} << 20;
    for (int round = 0; round < 20; ++round) {
      const Mapped mapped(bytes);
      const Guard guard(const_cast<std::byte*>(mapped.begin()), bytes, Protection::read_only);
      const FaultCopy loads;
      std::vector<std::byte> to(bytes);
      mapped.touch();
      if (!loads.copy(mapped.begin(), to)) return round == 0 ? "skip: no page tables" : "refused";
      mapped.truncate();
      if (*const_cast<volatile const std::byte*>(mapped.begin()) != std::byte{0}) return "no zeros";
    }
    return "";
  }));
}

TEST(FaultCopy, IsNotForThreadsThatBlockTheSignal) {
  const FaultCopy loads;
  const Mapped mapped(some);
  mapped.touch();
  std::vector<std::byte> to(some);
  std::thread other([&] {
    sigset_t bus;
    (void)::sigemptyset(&bus);
    (void)::sigaddset(&bus, SIGBUS);
    (void)::pthread_sigmask(SIG_BLOCK, &bus, nullptr);
    EXPECT_FALSE(loads.copy(mapped.begin(), to));
  });
  other.join();
}

}  // namespace
}  // namespace tensorhold::os
