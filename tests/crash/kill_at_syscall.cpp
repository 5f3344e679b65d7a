#include "kill_at_syscall.hpp"

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <exception>

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

}  // namespace tensorhold::test
