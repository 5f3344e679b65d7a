#include "os/fault/copy_linux.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "os/fault/copy.hpp"
#include "os/fault/fault_copy_linux.hpp"
#include "os/file/mapping.hpp"

namespace tensorhold::os {
namespace {

// One call moves at most this much, so that a signal is never kept waiting long.
constexpr std::size_t chunk_bytes = std::size_t{64} << 20;

// Set once when the system forbids the call (seccomp, a kernel without it).
std::atomic<bool> forbidden = false;

/// Copies page by page where the system's own copies are forbidden; unprotected where loads are,
/// too. Returns as copy_readable().
std::size_t copy_pages(const std::byte* from, std::span<std::byte> to) noexcept {
  for (std::size_t done = 0; done < to.size();) {
    const std::size_t into_page = reinterpret_cast<std::uintptr_t>(from + done) % page_size();
    const std::size_t some = std::min(page_size() - into_page, to.size() - done);
    switch (copy_by_loads(from + done, {.run_bytes = some}, to.data() + done)) {
      case Loads::done:
        break;
      case Loads::faulted:
        return done;
      case Loads::unavailable:
        std::memcpy(to.data() + done, from + done, to.size() - done);
        return to.size();
    }
    done += some;
  }
  return to.size();
}

}  // namespace

std::size_t copy_by_call(const std::byte* from, std::span<std::byte> to) noexcept {
  const pid_t pid = ::getpid();  // asked each time: a forked child reads its own memory
  std::size_t done = 0;
  while (done < to.size() && !forbidden.load(std::memory_order_relaxed)) {
    const std::size_t want = std::min(chunk_bytes, to.size() - done);
    iovec local{.iov_base = to.data() + done, .iov_len = want};
    // The kernel only reads through the remote vector; the interface has no const.
    iovec remote{.iov_base = const_cast<std::byte*>(from + done), .iov_len = want};
    const ssize_t copied = ::process_vm_readv(pid, &local, 1, &remote, 1, 0);
    if (copied > 0)
      done += static_cast<std::size_t>(copied);
    else if (copied < 0 && (errno == ENOSYS || errno == EPERM))
      forbidden.store(true, std::memory_order_relaxed);
    else if (copied == 0 || errno != EINTR)
      return done;
  }
  return done + copy_pages(from + done, to.subspan(done));
}

std::size_t copy_readable(const std::byte* from, std::span<std::byte> to) noexcept {
  if (to.empty()) return 0;
  // Loads are about twice as fast as the system's copies, which tell where the memory ends.
  if (copy_by_loads(from, {.run_bytes = to.size()}, to.data()) == Loads::done) return to.size();
  return copy_by_call(from, to);
}

bool copy_readable_runs(const std::byte* from, const base::Runs& runs, std::byte* to) noexcept {
  return copy_by_loads(from, runs, to) == Loads::done;
}

bool copies_survive() noexcept {
  const std::byte from{};
  std::byte to{};
  if (copy_by_loads(&from, {.run_bytes = 1}, &to) == Loads::done) return true;
  (void)copy_by_call(&from, {&to, 1});
  return !forbidden.load(std::memory_order_relaxed);
}

}  // namespace tensorhold::os
