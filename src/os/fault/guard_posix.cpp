#include "os/fault/guard.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>

#ifdef __linux__
#include <sys/uio.h>

#include "os/fault/fault_copy_linux.hpp"
#endif

#include "os/fault/fault_handler_posix.hpp"
#include "os/process/fork_mutex.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {

/// Read by the handler, which may run at any instruction: lock-free atomics only.
struct GuardSlot {
  std::atomic<std::uintptr_t> begin = 0;
  std::atomic<std::uintptr_t> end = 0;  // 0: free
  std::atomic<bool> writable = false;
  std::atomic<int> file = -1;
  std::atomic<std::uint64_t> damaged = 0;
};

namespace {

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::uintptr_t>::is_always_lock_free);

struct Block {
  std::array<GuardSlot, 64> slots{};
  std::atomic<Block*> next = nullptr;
};
constinit Block first_block;  // blocks live for ever: a handler may stand in any
constinit ForkMutex registering;
std::atomic<std::size_t> guards = 0;  // changed under `registering`

// The turn to put pages somewhere, of handlers and of GuardPause. Taken with all signals blocked.
constinit ForkMutex turn;
std::atomic<std::uint64_t> exchanges = 0;

GuardSlot* slot_of(std::uintptr_t address) noexcept {
  for (Block* block = &first_block; block != nullptr; block = block->next.load())
    for (GuardSlot& slot : block->slots)
      if (address < slot.end.load() && address >= slot.begin.load()) return &slot;
  return nullptr;
}

struct Tried {
  std::uintptr_t address = 0;
  std::uint64_t exchanges = 0;
  bool any = false;
};
[[gnu::tls_model("initial-exec")]] constinit thread_local Tried last;

/// Bytes from the lost page at `page` on that are lost too, at most `most`; so that a file that
/// became much shorter costs few signals, and few mappings.
std::size_t lost_bytes(std::byte* page, std::size_t most, std::size_t page_bytes) noexcept {
  std::size_t lost = page_bytes;
#ifdef __linux__
  constexpr std::size_t at_once = std::size_t{2} << 20;
  most = std::min(most, at_once);
  for (; lost < most; lost += page_bytes) {
    char byte = 0;
    iovec local{&byte, 1};
    iovec remote{page + lost, 1};
    if (::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0) != -1 || errno != EFAULT) break;
  }
#else
  (void)page;
  (void)most;
#endif
  return lost;
}

/// Puts what the file still has of [page, page + bytes), of which the mapping shows nothing, in its
/// place: a full tmpfs has no page for a hole. In one step, so that no thread sees anything else.
/// False: the file has nothing there, or it cannot be read.
bool filled_from_file(const GuardSlot& slot, std::byte* page, std::size_t bytes,
                      std::size_t page_bytes, int protection) noexcept {
#ifdef __linux__
  const int file = slot.file.load();
  struct ::stat found {};
  if (file < 0 || ::fstat(file, &found) != 0 || found.st_size < 0) return false;
  const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(page) - slot.begin.load();
  const auto size = static_cast<std::uint64_t>(found.st_size);
  if (size <= offset) return false;
  const std::uint64_t pages = (size - offset + page_bytes - 1) / page_bytes;
  if (pages < bytes / page_bytes) bytes = static_cast<std::size_t>(pages) * page_bytes;
  const std::size_t want = std::min<std::uint64_t>(bytes, size - offset);
  void* const fresh =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (fresh == MAP_FAILED) return false;
  std::size_t done = 0;
  while (done < want) {
    const ssize_t got = ::pread(file, static_cast<std::byte*>(fresh) + done, want - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  if (done == want && ::mprotect(fresh, bytes, protection) == 0 &&
      ::mremap(fresh, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, page) != MAP_FAILED)
    return true;
  (void)::munmap(fresh, bytes);
#else
  (void)slot, (void)page, (void)bytes, (void)page_bytes, (void)protection;
#endif
  return false;
}

/// True: the access is to be tried again.
bool repaired(void* where) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(where);
  GuardSlot* const slot = slot_of(address);
  if (slot == nullptr) return false;
  // Between the fault and here the page may have been exchanged for a good one. One that faults
  // twice with no exchange in between is lost.
  const std::uint64_t seen = exchanges.load();
  if (!last.any || last.address != address || last.exchanges != seen) {
    last = {address, seen, true};
    return true;
  }
  last.any = false;
  const std::size_t page_bytes = page_size();
  std::byte* const page = static_cast<std::byte*>(where) - address % page_bytes;
  const std::size_t behind = slot->end.load() - (address - address % page_bytes);
  const std::size_t lost = lost_bytes(page, behind, page_bytes);
  const int protection = PROT_READ | (slot->writable.load() ? PROT_WRITE : 0);
  if (!filled_from_file(*slot, page, lost, page_bytes, protection)) {
    if (::mmap(page, lost, protection, MAP_PRIVATE | MAP_ANON | MAP_FIXED, -1, 0) == MAP_FAILED)
      return false;
    slot->damaged.fetch_add(lost);
  }
  // Another thread that tried twice meanwhile must not put new zeros over what is written there.
  exchanges.fetch_add(1);
  return true;
}

void on_fault(int signal, siginfo_t* info, void* context);
constinit FaultHandler handler(SIGBUS, on_fault);

void on_fault(int, siginfo_t* info, void* context) {
#ifdef __linux__
  end_faulted_copy(info);  // which reports what is lost; whoever is on top
#endif
  const int saved = errno;
  bool again = false;
  // BUS_ADRERR: no bytes behind the address. Broken memory is another matter, and nobody's zeros.
  if (info->si_code == BUS_ADRERR) {
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    if (slot_of(address) != nullptr) {
      sigset_t all;
      sigset_t before;
      (void)::sigfillset(&all);
      (void)::pthread_sigmask(SIG_BLOCK, &all, &before);
      turn.lock();
      again = repaired(info->si_addr);
      turn.unlock();
      (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
  }
  errno = saved;
  if (!again) handler.pass_on(info, context);
}

GuardSlot* free_slot() {
  for (Block* block = &first_block;; block = block->next.load()) {
    for (GuardSlot& slot : block->slots)
      if (slot.end.load() == 0) return &slot;
    if (block->next.load() == nullptr) block->next.store(new Block);
  }
}

[[noreturn]] void raise_refused(int error) {
  throw Error({.code = Code::unsupported,
               .reason = "the system refused the handler of faults",
               .advice = "Open the file with owned access, or without guard.",
               .os_error = error});
}

}  // namespace

Guard::Guard(std::byte* begin, std::size_t bytes, Protection protection, const File* file)
    : slot_(nullptr) {
  const auto first = reinterpret_cast<std::uintptr_t>(begin);
  const std::size_t page = page_size();  // the handler finds it known
  if (first == 0 || bytes == 0 || first % page != 0 || bytes % page != 0 || first + bytes < first)
    throw Error({.code = Code::invalid_argument,
                 .reason = "a range to guard is not whole pages",
                 .advice = "Guard whole mappings."});
  const std::lock_guard lock(registering);
  GuardSlot* const slot = free_slot();
  if (const int error = handler.install(); error != 0) raise_refused(error);
  slot->writable.store(protection == Protection::private_writable);
  slot->damaged.store(0);
  slot->file.store(file == nullptr ? -1 : static_cast<int>(file->native()));
  slot->begin.store(first);
  slot->end.store(first + bytes);
  ++guards;
  slot_ = slot;
}

Guard::~Guard() {
  const std::lock_guard lock(registering);
  {
    const GuardPause pause;  // no handler acts on the range from here on
    slot_->end.store(0);
  }
  if (--guards == 0) handler.remove();
}

void Guard::forget_file() noexcept {
  const GuardPause pause;
  slot_->file.store(-1);
}

bool is_damaged(std::span<const std::byte> bytes) noexcept {
  if (bytes.empty() || guards.load() == 0) return false;
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  for (const Block* block = &first_block; block != nullptr; block = block->next.load())
    for (const GuardSlot& slot : block->slots)
      if (begin < slot.end.load() && begin + bytes.size() > slot.begin.load() &&
          slot.damaged.load() != 0)
        return true;
  return false;
}

std::uint64_t Guard::damaged_bytes() const noexcept { return slot_->damaged.load(); }

GuardPause::GuardPause() noexcept {
  static_assert(sizeof(sigset_t) <= sizeof saved_signals_);
  // A handler of this thread that touches guarded memory would wait for ever.
  sigset_t all;
  sigset_t before;
  (void)::sigfillset(&all);
  (void)::pthread_sigmask(SIG_BLOCK, &all, &before);
  std::memcpy(saved_signals_, &before, sizeof before);
  turn.lock();
}

GuardPause::~GuardPause() {
  exchanges.fetch_add(1);
  turn.unlock();
  sigset_t before;
  std::memcpy(&before, saved_signals_, sizeof before);
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace tensorhold::os
