#include "hold/memory/slab.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>

#include "base/never_destroyed.hpp"
#include "hold/memory/owned_memory.hpp"
#include "os/file/mapping.hpp"
#include "os/memory/memory.hpp"
#include "os/process/fork_mutex.hpp"

namespace tensorhold::hold {
namespace {

// A piece's slab is found by its address. What is left at a slab's end costs address space only.
constexpr std::size_t slab_bytes = std::size_t{4} << 20;
constexpr std::size_t smallest_page = std::size_t{4} << 10;
constexpr std::size_t most_pages = slab_bytes / smallest_page;
// So much memory that was used already may wait for the next pieces.
constexpr std::size_t most_waiting = std::size_t{256} << 10;

std::size_t page_bytes() noexcept { return std::max(os::page_size(), smallest_page); }

constexpr std::size_t rounded(std::size_t nbytes) noexcept {
  return (std::max<std::size_t>(nbytes, 1) + owned_alignment - 1) & ~(owned_alignment - 1);
}

/// The head of a slab, in its first page or pages.
///
/// Shared between threads: how many users each page has, and the slab. Users are the pieces, and
/// the pool while it cuts pieces there. A page before the place where the pool cuts whose count
/// went to 0 never gets another user, so its memory may go at once.
class Slab {
 public:
  explicit Slab(std::size_t first_use) noexcept { pages_[first_use / page_bytes()].store(1); }

  [[nodiscard]] static Slab* of(std::byte* piece) noexcept {
    const std::size_t into = reinterpret_cast<std::uintptr_t>(piece) % slab_bytes;
    return reinterpret_cast<Slab*>(piece - into);
  }
  [[nodiscard]] std::byte* at(std::size_t offset) noexcept {
    return reinterpret_cast<std::byte*>(this) + offset;
  }
  [[nodiscard]] std::size_t offset_of(const std::byte* piece) noexcept {
    return static_cast<std::size_t>(piece - at(0));
  }

  /// Counts a piece at [begin, end), and what the pool uses from then on.
  void cut(std::size_t begin, std::size_t end) noexcept {
    users_.fetch_add(1, std::memory_order_relaxed);
    const std::size_t first = begin / page_bytes();
    const std::size_t last = (end - 1) / page_bytes();
    use(first);
    if (last != first) use(last);
    const std::size_t next = end / page_bytes();
    if (next == first) return;
    if (end < slab_bytes) use(next);
    (void)leave(first);  // the piece is there still
  }

  /// The pool, which had cut up to `end`, takes back that last piece, with its memory: it goes on
  /// at `begin`.
  void uncut(std::size_t begin, std::size_t end) noexcept {
    const std::size_t first = begin / page_bytes();
    const std::size_t last = (end - 1) / page_bytes();
    const std::size_t next = end / page_bytes();
    if (next == first) {
      (void)leave(first);
    } else {  // the piece's use of its first page becomes the pool's
      if (last != first) (void)leave(last);
      if (end < slab_bytes) (void)leave(next);
    }
    drop();
  }
  /// The pool has cut its last piece here, up to `end`; memory was used up to `used`.
  void retire(std::size_t end, std::size_t used) noexcept {
    if (end < slab_bytes) {
      give_back(end, end + 1);
      const std::size_t first = end / page_bytes() + 1;
      const std::size_t last = (used + page_bytes() - 1) / page_bytes();
      if (first < last) os::discard_memory(at(first * page_bytes()), (last - first) * page_bytes());
    }
    drop();
  }
  /// A piece at [begin, end) is needed no more.
  void free(std::size_t begin, std::size_t end) noexcept {
    // Alone: nobody else can come, and all of it goes.
    if (users_.load(std::memory_order_acquire) != 1) give_back(begin, end);
    drop();
  }

 private:
  void use(std::size_t page) noexcept { pages_[page].fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] bool leave(std::size_t page) noexcept {
    return pages_[page].fetch_sub(1, std::memory_order_acq_rel) == 1;
  }
  /// Leaves the pages of [begin, end), and discards those that nobody else uses.
  void give_back(std::size_t begin, std::size_t end) noexcept {
    std::size_t first = begin / page_bytes();
    std::size_t last = (end - 1) / page_bytes();
    const bool one = first == last;
    const bool free_first = leave(first);
    const bool free_last = one ? free_first : leave(last);
    if (!free_first) ++first;
    if (free_last) ++last;
    if (first < last) os::discard_memory(at(first * page_bytes()), (last - first) * page_bytes());
  }
  void drop() noexcept {
    if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1) os::unmap_memory(at(0), slab_bytes);
  }

  std::atomic<std::uint32_t> users_ = 1;
  std::atomic<std::uint16_t> pages_[most_pages] = {};  // 64 KiB pages have 1024 pieces at most
};

/// Where pieces are cut; one for the process.
class Pool {
 public:
  std::byte* allocate(std::size_t size) noexcept {
    const std::lock_guard lock(mutex_);
    if (slab_ == nullptr || slab_bytes - next_ < size) {
      if (!renew()) return nullptr;
    }
    const std::size_t begin = next_;
    next_ += size;
    used_ = std::max<std::size_t>(used_, next_);
    Slab* const slab = slab_;
    slab->cut(begin, next_);
    return slab->at(begin);
  }

  void free(std::byte* piece, std::size_t size) noexcept {
    Slab* const slab = Slab::of(piece);
    const std::size_t begin = slab->offset_of(piece);
    if (!take_back(slab, begin, begin + size)) slab->free(begin, begin + size);
  }

 private:
  /// Where the piece is the last one cut, its memory waits for the next: temporary copies in a loop
  /// then need no fresh pages.
  bool take_back(Slab* slab, std::size_t begin, std::size_t end) noexcept {
    if (slab_ != slab || next_ != end) return false;  // a look, to spare most others the lock
    const std::lock_guard lock(mutex_);
    if (slab_ != slab || next_ != end || used_ - begin > most_waiting) return false;
    next_ = begin;
    slab->uncut(begin, end);
    return true;
  }

  bool renew() noexcept {
    std::byte* const memory = os::map_memory(slab_bytes, slab_bytes, os::Pages::plain);
    if (memory == nullptr) return false;
    if (slab_ != nullptr) slab_.load()->retire(next_, used_);
    // The head's pages are never anybody else's, so that they stay with the slab.
    next_ = used_ = (sizeof(Slab) + page_bytes() - 1) / page_bytes() * page_bytes();
    slab_ = new (memory) Slab(next_);
    return true;
  }

  os::ForkMutex mutex_;  // guards what follows, but for looks
  std::atomic<Slab*> slab_ = nullptr;
  std::atomic<std::size_t> next_ = 0;
  std::size_t used_ = 0;  // up to here the slab's memory was used
};

// Tensors may be dropped by destructors that run after those of this library.
constinit base::NeverDestroyed<Pool> only_pool;

Pool& pool() noexcept { return only_pool.value; }

}  // namespace

std::byte* allocate_piece(std::size_t nbytes) noexcept { return pool().allocate(rounded(nbytes)); }

void free_piece(std::byte* piece, std::size_t nbytes) noexcept {
  if (piece != nullptr) pool().free(piece, rounded(nbytes));
}

}  // namespace tensorhold::hold
