#include "os/fault/fault_copy_linux.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdint>

#include "os/fault/fault_handler_posix.hpp"
#include "os/file/mapping.hpp"

namespace tensorhold::os {
namespace {

/// The copy that this thread is at. Of this model because a handler must not allocate.
struct Copying {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  sigjmp_buf* back = nullptr;
};
[[gnu::tls_model("initial-exec")]] constinit thread_local Copying volatile copying;

void on_fault(int signal, siginfo_t* info, void* context);
constinit FaultHandler handler(SIGBUS, on_fault);

void on_fault(int, siginfo_t* info, void* context) {
  end_faulted_copy(info);
  const int saved = errno;
  handler.pass_on(info, context);
  errno = saved;
}

// Out of line, and with nothing in it that a jump back could leave half done.
[[gnu::noinline]] bool gather_or_jump(const std::byte* from, const base::Runs& runs,
                                      std::byte* to) noexcept {
  sigjmp_buf back;
  if (sigsetjmp(back, 0) != 0) return false;
  copying.begin = reinterpret_cast<std::uintptr_t>(from + runs.offset);
  copying.end = copying.begin + static_cast<std::size_t>(runs.extent());
  copying.back = &back;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  base::gather(from, runs, to);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  copying.back = nullptr;
  return true;
}

}  // namespace

void end_faulted_copy(const siginfo_t* info) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  sigjmp_buf* const back = copying.back;
  if (back == nullptr || info->si_code <= 0 || address < copying.begin || address >= copying.end)
    return;
  copying.back = nullptr;
  siglongjmp(*back, 1);
}

Loads copy_by_loads(const std::byte* from, const base::Runs& runs, std::byte* to) noexcept {
  // Asked each time: others may have put a handler over ours that ends the process.
  if (handler.install() != 0) return Loads::unavailable;
  sigset_t blocked;
  if (::pthread_sigmask(SIG_BLOCK, nullptr, &blocked) != 0 || ::sigismember(&blocked, SIGBUS) != 0)
    return Loads::unavailable;
  if (gather_or_jump(from, runs, to)) return Loads::done;
  (void)::pthread_sigmask(SIG_SETMASK, &blocked, nullptr);  // the handler's was in force
  return Loads::faulted;
}

FaultCopy::FaultCopy() noexcept : pagemap_(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)) {}

FaultCopy::~FaultCopy() {
  if (pagemap_ >= 0) (void)::close(pagemap_);
}

bool FaultCopy::populated(const std::byte* from, std::size_t bytes) const noexcept {
  constexpr std::uint64_t present = std::uint64_t{1} << 63U;  // proc_pid_pagemap(5)
  std::array<std::uint64_t, 512> entries;
  std::uint64_t page = reinterpret_cast<std::uintptr_t>(from) / page_size();
  for (std::uint64_t left = (bytes + page_size() - 1) / page_size(); left != 0;) {
    const std::size_t count = std::min<std::uint64_t>(left, entries.size());
    const auto want = static_cast<ssize_t>(count * sizeof entries[0]);
    if (::pread(pagemap_, entries.data(), static_cast<std::size_t>(want),
                static_cast<off_t>(page * sizeof entries[0])) != want)
      return false;
    if (!std::all_of(entries.begin(), entries.begin() + count,
                     [](std::uint64_t entry) { return (entry & present) != 0; }))
      return false;
    page += count;
    left -= count;
  }
  return true;
}

bool FaultCopy::copy(const std::byte* from, std::span<std::byte> to) const noexcept {
  return pagemap_ >= 0 && populated(from, to.size()) &&
         copy_by_loads(from, {.run_bytes = to.size()}, to.data()) == Loads::done;
}

}  // namespace tensorhold::os
