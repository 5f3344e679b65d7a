// The system's own copy of this process' memory.
#pragma once

#include <cstddef>
#include <span>

namespace tensorhold::os {

/// copy_readable() without loads, which is slower where the bytes are in memory: for bytes that
/// another thread may be writing.
[[nodiscard]] std::size_t copy_by_call(const std::byte* from, std::span<std::byte> to) noexcept;

}  // namespace tensorhold::os
