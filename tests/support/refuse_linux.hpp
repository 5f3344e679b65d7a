// Makes the kernel refuse a system call for the rest of the process: failures of real calls, with
// no hook in the code under test.
#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <optional>

namespace tensorhold::test {

/// From now on system call `number` fails with `error`; with `argument`, only when its first one,
/// or that at `position`, is that (as 32 bits). Cannot be undone: use it in a child. False: not on
/// this machine.
inline bool refuse(long number, int error, std::optional<int> argument = std::nullopt,
                   std::size_t position = 0) {
#if defined(__x86_64__)
  constexpr unsigned machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  constexpr unsigned machine = AUDIT_ARCH_AARCH64;
#else
  return false;
#endif
  constexpr auto field = [](std::size_t offset) {
    return sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset));
  };
  const auto unless = [](unsigned value, unsigned char jump) {
    return sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, jump);
  };
  const auto end = [](unsigned verdict) { return sock_filter BPF_STMT(BPF_RET | BPF_K, verdict); };
  const unsigned verdict = SECCOMP_RET_ERRNO | (static_cast<unsigned>(error) & SECCOMP_RET_DATA);
  std::array<sock_filter, 8> program{
      field(offsetof(seccomp_data, arch)),
      unless(machine, 5),
      field(offsetof(seccomp_data, nr)),
      unless(static_cast<unsigned>(number), 3),
      field(offsetof(seccomp_data, args) + position * sizeof(seccomp_data::args[0])),
      unless(static_cast<unsigned>(argument.value_or(0)), 1),
      end(verdict),
      end(SECCOMP_RET_ALLOW),
  };
  // Without an argument to compare, both ways of that jump lead to the refusal.
  if (!argument) program[5].jf = 0;
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

}  // namespace tensorhold::test
