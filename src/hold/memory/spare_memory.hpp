// Private memory for copies: what a dropped copy had is kept for the next one.
#pragma once

#include <cstddef>
#include <memory>

namespace tensorhold::hold {

/// Copies up to this size, in bytes, share slabs (slab.hpp); a larger one has a mapping of its own.
inline constexpr std::size_t largest_shared_copy = std::size_t{256} << 10;

/// What is kept at most, in bytes together and in mappings. The system may take these pages as soon
/// as it, or the container, is short of memory; until then they are charged.
inline constexpr std::size_t most_spare_bytes = std::size_t{32} << 20;
inline constexpr std::size_t most_spare_mappings = 32;

struct CopyMemoryDeleter {
  /// What was asked for, or all of the copy's own mapping.
  std::size_t nbytes = 0;
  void operator()(std::byte* bytes) const noexcept;
};
/// When it goes, its pages wait for the next copy, or are given back at once: where the system
/// cannot take pages that wait, and where they would be more than all that may wait. The mappings
/// that waited longest make room.
using CopyMemory = std::unique_ptr<std::byte, CopyMemoryDeleter>;

/// Memory for a copy of `nbytes`, with any bytes in it, aligned as allocate_owned()'s; of the
/// mappings that wait the one that fits best, if it is at most a quarter too large. std::bad_alloc
/// when the system refuses. Never null, also for 0 bytes. Thread-safe, and safe in a forked child.
[[nodiscard]] CopyMemory allocate_copy(std::size_t nbytes);

}  // namespace tensorhold::hold
