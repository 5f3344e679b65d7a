// Private memory for tensors.
#pragma once

#include <cstddef>
#include <memory>

namespace tensorhold::hold {

/// Alignment of every owned tensor, in bytes: a cache line, and the widest vector load.
inline constexpr std::size_t owned_alignment = 64;

struct OwnedMemoryDeleter {
  void operator()(std::byte* bytes) const noexcept;
};
using OwnedMemory = std::unique_ptr<std::byte, OwnedMemoryDeleter>;

/// Uninitialised memory; std::bad_alloc when refused. Never null, also for 0 bytes.
[[nodiscard]] OwnedMemory allocate_owned(std::size_t nbytes);

}  // namespace tensorhold::hold
