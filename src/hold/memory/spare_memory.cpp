#include "hold/memory/spare_memory.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <new>
#include <span>

#include "base/checked.hpp"
#include "base/never_destroyed.hpp"
#include "hold/memory/owned_memory.hpp"
#include "hold/memory/slab.hpp"
#include "os/file/mapping.hpp"
#include "os/memory/memory.hpp"
#include "os/process/fork_mutex.hpp"

namespace tensorhold::hold {
namespace {

static_assert(largest_shared_copy <= largest_piece && largest_shared_copy < own_mapping_bytes);

struct Mapping {
  std::byte* begin = nullptr;
  std::size_t bytes = 0;  // whole pages
};

void unmap(std::span<const Mapping> mappings) noexcept {
  for (const Mapping& one : mappings) os::unmap_memory(one.begin, one.bytes);
}

/// The mappings that wait; one for the process.
///
/// A thread that meets another one, or a fork, here does not wait, but turns to the system. That is
/// rare, since no system call is made under the lock.
class Spares {
 public:
  /// The mapping that fits best; none, with null.
  Mapping take(std::size_t bytes) noexcept {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return {};
    // Of equals the last: the caches may have it still.
    std::size_t best = count_;
    for (std::size_t i = 0; i < count_; ++i) {
      if (all_[i].bytes < bytes || all_[i].bytes - bytes > bytes / 4) continue;
      if (best == count_ || all_[i].bytes <= all_[best].bytes) best = i;
    }
    return best == count_ ? Mapping{} : remove(best);
  }

  void put(Mapping dropped) noexcept {
    // Lent before anybody else can have it.
    if (dropped.bytes > most_spare_bytes || !os::lend_memory(dropped.begin, dropped.bytes))
      return unmap({&dropped, 1});
    std::array<Mapping, most_spare_mappings> old;
    std::size_t old_count = 0;
    if (const std::unique_lock lock(mutex_, std::try_to_lock); lock) {
      while (count_ == most_spare_mappings || kept_ > most_spare_bytes - dropped.bytes)
        old[old_count++] = remove(0);
      all_[count_++] = dropped;
      kept_ += dropped.bytes;
    } else {
      old[old_count++] = dropped;
    }
    unmap({old.data(), old_count});
  }

  /// Gives all back; false when there was nothing.
  bool clear() noexcept {
    std::array<Mapping, most_spare_mappings> old;
    std::size_t old_count = 0;
    if (const std::unique_lock lock(mutex_, std::try_to_lock); lock)
      while (count_ != 0) old[old_count++] = remove(count_ - 1);
    unmap({old.data(), old_count});
    return old_count != 0;
  }

 private:
  Mapping remove(std::size_t at) noexcept {
    const Mapping one = all_[at];
    std::copy(all_.begin() + at + 1, all_.begin() + count_, all_.begin() + at);
    --count_;
    kept_ -= one.bytes;
    return one;
  }

  os::ForkMutex mutex_;                                // guards what follows
  std::array<Mapping, most_spare_mappings> all_ = {};  // the oldest first
  std::size_t count_ = 0;
  std::size_t kept_ = 0;  // bytes
};

// Tensors may be dropped by destructors that run after those of this library.
constinit base::NeverDestroyed<Spares> only_spares;

Spares& spares() noexcept { return only_spares.value; }

/// A new mapping, which is aligned so that each that is large enough for huge pages has them.
Mapping map(std::size_t bytes) noexcept {
  const bool huge = bytes >= own_mapping_bytes;
  return {os::map_memory(bytes, huge ? os::huge_page_bytes : os::page_size(),
                         huge ? os::Pages::huge : os::Pages::plain),
          bytes};
}

}  // namespace

void CopyMemoryDeleter::operator()(std::byte* bytes) const noexcept {
  if (nbytes > largest_shared_copy)
    spares().put({bytes, nbytes});
  else
    free_piece(bytes, nbytes);
}

CopyMemory allocate_copy(std::size_t nbytes) {
  if (nbytes <= largest_shared_copy) {
    std::byte* const piece = allocate_piece(nbytes);
    if (piece == nullptr) throw std::bad_alloc();
    return CopyMemory(piece, {nbytes});
  }
  const auto whole = base::checked_align_up(nbytes, os::page_size());
  const auto bytes = whole ? base::checked_size(*whole) : std::nullopt;
  if (!bytes) throw std::bad_alloc();
  Mapping mapping = spares().take(*bytes);
  if (mapping.begin == nullptr) mapping = map(*bytes);
  // Perhaps there is a limit on address space, which mappings that wait take up, too.
  if (mapping.begin == nullptr && spares().clear()) mapping = map(*bytes);
  if (mapping.begin == nullptr) throw std::bad_alloc();
  return CopyMemory(mapping.begin, {mapping.bytes});
}

}  // namespace tensorhold::hold
