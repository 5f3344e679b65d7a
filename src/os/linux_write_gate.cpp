#include "os/linux_write_gate.hpp"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <mutex>

#include "os/guard.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

// What the handler reads. Lock-free atomics only: it may run at any instruction.
std::atomic<std::uint32_t> generation = 0;  // odd: a part is closed. Also the futex
std::atomic<std::uintptr_t> closed_begin = 0;
std::atomic<std::uintptr_t> closed_end = 0;
// Hull of all ranges that ever had a gate: a fault outside is none of ours.
std::atomic<std::uintptr_t> hull_begin = UINTPTR_MAX;
std::atomic<std::uintptr_t> hull_end = 0;
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(std::atomic<std::uintptr_t>::is_always_lock_free);

// Held while a part is closed; by the forking thread across a fork, so that no child starts with a
// closed part that nobody opens.
std::mutex closing;

// Handlers that ours was installed over, oldest first: more than one when somebody installed
// another over ours. Written under `installing`, before `overlaid` counts them.
constexpr std::size_t most_overlaid = 8;
std::mutex installing;
std::array<struct ::sigaction, most_overlaid> previous{};
std::atomic<std::size_t> overlaid = 0;

struct Retried {
  std::uintptr_t address = 0;
  std::uint32_t generation = 0;
  bool any = false;
};
// Of this model because the handler must not allocate.
[[gnu::tls_model("initial-exec")]] constinit thread_local Retried last;

// The fault that is being passed on. Comes back when a handler over ours, which we pass on to,
// passes on to us in turn: then the next older one has it.
struct Passing {
  const siginfo_t* info = nullptr;
  std::size_t level = 0;
};
[[gnu::tls_model("initial-exec")]] constinit thread_local Passing passing;

/// True: the access is to be tried again.
bool waited(std::uintptr_t address) noexcept {
  if (address < hull_begin.load() || address >= hull_end.load()) return false;
  const std::uint32_t seen = generation.load();
  if (seen % 2 == 1 && address >= closed_begin.load() && address < closed_end.load()) {
    (void)::syscall(SYS_futex, &generation, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
    last.any = false;
    return true;
  }
  // The part may have been opened between the fault and here: then the access succeeds now. One
  // that fails again although nothing was opened or closed in between is not ours.
  if (last.any && last.address == address && last.generation == seen) {
    last.any = false;
    return false;
  }
  last = {address, seen, true};
  return true;
}

void pass_to(const struct ::sigaction& handler, int signal, siginfo_t* info, void* context) {
  if ((handler.sa_flags & SA_SIGINFO) != 0) return handler.sa_sigaction(signal, info, context);
  if (handler.sa_handler != SIG_DFL && handler.sa_handler != SIG_IGN)
    return handler.sa_handler(signal);
  // The system ends a process at a fault that is ignored, too. The access is tried again and does.
  struct ::sigaction fallback {};
  fallback.sa_handler = SIG_DFL;
  (void)::sigaction(signal, &fallback, nullptr);
  if (info->si_code <= 0) (void)::raise(signal);  // sent by somebody: no access will repeat it
}

void pass_on(int signal, siginfo_t* info, void* context) {
  const Passing outer = passing;
  const std::size_t count = overlaid.load();
  const std::size_t level = outer.info == info ? std::min(outer.level + 1, count - 1) : 0;
  passing = {info, level};
  pass_to(previous[count - 1 - level], signal, info, context);
  passing = outer;
}

void on_fault(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  const bool again =
      info->si_code == SEGV_ACCERR && waited(reinterpret_cast<std::uintptr_t>(info->si_addr));
  errno = saved;
  if (!again) pass_on(signal, info, context);
}

[[noreturn]] void raise_no_handler(int error) {
  throw Error({.code = Code::release_unsupported,
               .reason = "the system refused the handler that keeps writes during a release",
               .advice = "Drop the writable views, or copy them, before the release.",
               .os_error = error});
}

void install() {
  const std::lock_guard lock(installing);
  const std::size_t count = overlaid.load();
  struct ::sigaction current {};
  if (::sigaction(SIGSEGV, nullptr, &current) != 0) raise_no_handler(errno);
  const bool ours = (current.sa_flags & SA_SIGINFO) != 0 && current.sa_sigaction == &on_fault;
  if (ours || count == most_overlaid) return;
  if (count == 0) {
    // A fork takes locks in the reverse order of registration: `closing`, then the turn that a
    // GuardPause takes while a part is closed.
    prepare_guards_for_fork();
    if (const int error = ::pthread_atfork([] { closing.lock(); }, [] { closing.unlock(); },
                                           [] { closing.unlock(); });
        error != 0)
      raise_no_handler(error);
  }
  previous[count] = current;
  struct ::sigaction wanted = current;
  wanted.sa_sigaction = &on_fault;
  wanted.sa_flags = (current.sa_flags & ~static_cast<int>(SA_RESETHAND)) | SA_SIGINFO | SA_ONSTACK;
  overlaid.store(count + 1);
  if (::sigaction(SIGSEGV, &wanted, nullptr) == 0) return;
  overlaid.store(count);
  raise_no_handler(errno);
}

void lower(std::atomic<std::uintptr_t>& bound, std::uintptr_t value) noexcept {
  std::uintptr_t seen = bound.load();
  while (value < seen && !bound.compare_exchange_weak(seen, value)) {
  }
}

void raise_to(std::atomic<std::uintptr_t>& bound, std::uintptr_t value) noexcept {
  std::uintptr_t seen = bound.load();
  while (value > seen && !bound.compare_exchange_weak(seen, value)) {
  }
}

}  // namespace

WriteGate::WriteGate(const std::byte* begin, std::size_t bytes) {
  install();
  const auto first = reinterpret_cast<std::uintptr_t>(begin);
  lower(hull_begin, first);
  raise_to(hull_end, first + bytes);
}

WriteGate::Closed::Closed(const WriteGate&, const std::byte* begin, std::size_t bytes) noexcept {
  closing.lock();
  const auto first = reinterpret_cast<std::uintptr_t>(begin);
  closed_begin.store(first);
  closed_end.store(first + bytes);
  generation.fetch_add(1);
}

WriteGate::Closed::~Closed() {
  generation.fetch_add(1);
  (void)::syscall(SYS_futex, &generation, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
  closing.unlock();
}

}  // namespace tensorhold::os
