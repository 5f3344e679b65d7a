// Private memory for tensors.
#pragma once

#include <cstddef>
#include <memory>

namespace tensorhold::hold {

/// Alignment of every owned tensor, in bytes: a cache line, and the widest vector load.
inline constexpr std::size_t owned_alignment = 64;

/// From this size on, in bytes, a tensor's memory is a mapping of its own, with huge pages where
/// the system grants them. Freeing part of a huge page frees nothing, so it is never shared.
/// Smaller tensors share slabs of plain pages (slab.hpp).
inline constexpr std::size_t own_mapping_bytes = std::size_t{2} << 20;

struct OwnedMemoryDeleter {
  std::size_t nbytes = 0;
  void operator()(std::byte* bytes) const noexcept;
};
/// When it goes, the system has its pages back, all but those at its ends that smaller neighbours
/// still use.
using OwnedMemory = std::unique_ptr<std::byte, OwnedMemoryDeleter>;

/// Memory that begins so many bytes behind a multiple of this may be had, if it is a mapping of its
/// own. The pages are whole and nobody else's, so bytes around the memory in its first and last
/// page do not matter.
inline constexpr std::size_t owned_page = 4096;

/// Memory with any bytes in it; std::bad_alloc when refused. Never null, also for 0 bytes.
/// `into_page`: see owned_page; a multiple of owned_alignment, and 0 for less than
/// own_mapping_bytes. Thread-safe.
[[nodiscard]] OwnedMemory allocate_owned(std::size_t nbytes, std::size_t into_page = 0);
/// Takes over what OwnedMemory::release() gave up.
[[nodiscard]] inline OwnedMemory adopt_owned(std::byte* bytes, std::size_t nbytes) noexcept {
  return OwnedMemory(bytes, {nbytes});
}

}  // namespace tensorhold::hold
