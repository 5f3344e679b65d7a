// Kills a process at a chosen system call, as kill -9 or a power cut of the machine would.
#pragma once

#include <sys/types.h>

#include <functional>

namespace tensorhold::test {

/// How a run ended.
struct KillOutcome {
  enum class End {
    killed,    ///< at the stop that was asked for
    finished,  ///< the work was done before that stop came
    failed,    ///< the work raised, or its process ended otherwise
    untraced   ///< this machine forbids tracing
  } end = End::failed;
  pid_t pid = 0;   ///< of the process that did the work; gone now
  long call = -1;  ///< number of the system call it was killed at
};

/// Runs `work` in a child and kills that at its stop number `stop` (0 first): every system call
/// makes two stops, one before the kernel does anything and one after it has done all.
[[nodiscard]] KillOutcome kill_at_syscall(const std::function<void()>& work, unsigned stop);

}  // namespace tensorhold::test
