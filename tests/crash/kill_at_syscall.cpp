#include "kill_at_syscall.hpp"

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <exception>

#include "../support/scratch.hpp"
#include "os/leftovers/temporary_name.hpp"

namespace tensorhold::test {
namespace {

constexpr int syscall_stop = SIGTRAP | 0x80;  // as PTRACE_O_TRACESYSGOOD marks them
constexpr int untraced_status = 77;

[[noreturn]] void run(const std::function<void()>& work) {
  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(untraced_status);
  // Two marks, so that what is counted is the work and nothing of this harness.
  (void)::raise(SIGSTOP);
  try {
    work();
  } catch (const std::exception&) {
    ::_exit(1);
  }
  (void)::raise(SIGSTOP);
  ::_exit(0);
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

long call_of(pid_t child) {
  __ptrace_syscall_info info{};
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, child, reinterpret_cast<void*>(sizeof(info)), &info) <= 0)
    return -1;
  return info.op == PTRACE_SYSCALL_INFO_ENTRY ? static_cast<long>(info.entry.nr) : -1;
}

void end(pid_t child) {
  (void)::kill(child, SIGKILL);
  int status = 0;
  do {
    status = wait_for(child);
  } while (!WIFEXITED(status) && !WIFSIGNALED(status));
}

bool stopped_by(int status, int signal) { return WIFSTOPPED(status) && WSTOPSIG(status) == signal; }

}  // namespace

KillOutcome kill_at_syscall(const std::function<void()>& work, unsigned stop) {
  KillOutcome outcome;
  outcome.pid = ::fork();
  if (outcome.pid == 0) run(work);
  if (outcome.pid < 0) return outcome;
  int status = wait_for(outcome.pid);
  if (!stopped_by(status, SIGSTOP)) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == untraced_status)
      outcome.end = KillOutcome::End::untraced;
    else
      end(outcome.pid);
    return outcome;
  }
  constexpr auto options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
  if (::ptrace(PTRACE_SETOPTIONS, outcome.pid, nullptr,
               reinterpret_cast<void*>(static_cast<std::uintptr_t>(options))) != 0) {
    end(outcome.pid);
    outcome.end = KillOutcome::End::untraced;
    return outcome;
  }
  // The exit of the call that raised the first mark is not the work's.
  bool counting = false;
  for (unsigned seen = 0;;) {
    if (::ptrace(PTRACE_SYSCALL, outcome.pid, nullptr, nullptr) != 0) break;
    status = wait_for(outcome.pid);
    if (stopped_by(status, SIGSTOP)) {
      outcome.end = KillOutcome::End::finished;
      break;
    }
    if (!stopped_by(status, syscall_stop)) break;
    const long call = call_of(outcome.pid);
    if (call >= 0) {
      counting = true;
      outcome.call = call;
    }
    if (!counting) continue;
    if (seen++ == stop) {
      outcome.end = KillOutcome::End::killed;
      break;
    }
  }
  if (!WIFEXITED(status) && !WIFSIGNALED(status)) end(outcome.pid);
  return outcome;
}

bool kill_at_each_stop(const std::function<KillOutcome(unsigned)>& run_to) {
  constexpr unsigned stop_limit = 4000;  // work that makes more is not the one that is meant here
  const auto run = [&] {
    for (unsigned stop = 0; stop < stop_limit; ++stop) {
      const KillOutcome outcome = run_to(stop);
      if (outcome.end == KillOutcome::End::untraced) GTEST_SKIP() << "this machine forbids ptrace";
      ASSERT_NE(outcome.end, KillOutcome::End::failed) << "stop " << stop;
      if (testing::Test::HasFailure()) FAIL() << "stop " << stop << " system call " << outcome.call;
      if (outcome.end == KillOutcome::End::finished) return;
    }
    FAIL() << "the work never ends";
  };
  run();
  return !testing::Test::HasFailure() && !testing::Test::IsSkipped();
}

bool Remains::look(const std::filesystem::path& folder, const KillOutcome& outcome, pid_t earlier) {
  const std::filesystem::path target = folder / "f";
  bool is_new = false;
  if (std::filesystem::exists(target)) {
    const std::string bytes = read_file(target.string());
    is_new = bytes == new_bytes_;
    EXPECT_TRUE(is_new || (!old_bytes_.empty() && bytes == old_bytes_))
        << "torn: " << bytes.size() << " bytes";
  } else {
    EXPECT_TRUE(old_bytes_.empty()) << "the old file is gone";
  }
  EXPECT_TRUE(is_new || seen_new_ == 0) << "killed later, but the old file is back";
  (is_new ? seen_new_ : seen_old_) += 1;
  calls_.insert(outcome.call);
  for (const std::string& name : Scratch::names_in(folder)) {
    if (name == "f") continue;
    const auto parsed = os::parse_temporary_name(name);
    EXPECT_TRUE(parsed.has_value()) << name;
    if (!parsed) continue;
    EXPECT_EQ(parsed->stem, "f");
    EXPECT_TRUE(parsed->pid == static_cast<std::uint64_t>(outcome.pid) ||
                (earlier != 0 && parsed->pid == static_cast<std::uint64_t>(earlier)))
        << name;
    left_ += 1;
  }
  return is_new;
}

void Remains::expect_both_seen() const {
  EXPECT_GT(seen_old_, 0U);
  EXPECT_GT(seen_new_, 1U);
}

}  // namespace tensorhold::test
