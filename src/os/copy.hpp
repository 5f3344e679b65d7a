// Copies out of memory that may be gone, because the file under a mapping became shorter.
#pragma once

#include <cstddef>
#include <span>

namespace tensorhold::os {

/// Copies to.size() bytes from `from` and returns how many were copied: fewer when the memory
/// behind `from` cannot be read (a truncated file under a mapping), where a plain copy would end
/// the process. Where the system has no such call (see docs/guarantees.md) it is a plain copy.
[[nodiscard]] std::size_t copy_readable(const std::byte* from, std::span<std::byte> to) noexcept;

/// True where copy_readable() is more than a plain copy.
[[nodiscard]] bool copies_survive() noexcept;

}  // namespace tensorhold::os
