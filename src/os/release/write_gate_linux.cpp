#include "os/release/write_gate_linux.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>

#include "os/fault/fault_handler_posix.hpp"
#include "os/process/fork_mutex.hpp"
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

constinit ForkMutex closing;  // held while a part is closed

struct Retried {
  std::uintptr_t address = 0;
  std::uint32_t generation = 0;
  bool any = false;
};
// Of this model because the handler must not allocate.
[[gnu::tls_model("initial-exec")]] constinit thread_local Retried last;

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

void on_fault(int signal, siginfo_t* info, void* context);
constinit FaultHandler handler(SIGSEGV, on_fault);

void on_fault(int, siginfo_t* info, void* context) {
  const int saved = errno;
  if (info->si_code != SEGV_ACCERR || !waited(reinterpret_cast<std::uintptr_t>(info->si_addr)))
    handler.pass_on(info, context);
  errno = saved;
}

[[noreturn]] void raise_no_handler(int error) {
  const bool too_many = error == EAGAIN;
  throw Error({.code = Code::release_unsupported,
               .reason = too_many ? "other code of this process puts its handler over the one that "
                                    "keeps writes during a release, again and again"
                                  : "the system refused the handler that keeps writes during a "
                                    "release",
               .advice = "Drop the writable views, or copy them, before the release.",
               .os_error = too_many ? 0 : error});
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
  if (const int error = handler.install(); error != 0) raise_no_handler(error);
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
