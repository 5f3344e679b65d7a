// Copies out of memory that may be gone, for those who exchange it.
#pragma once

#include <cstddef>
#include <span>

namespace tensorhold::os::windows {

/// As copy_readable(), but for its wait: memory that is absent at the moment ends the copy.
[[nodiscard]] std::size_t copy_present(const std::byte* from, std::span<std::byte> to) noexcept;

}  // namespace tensorhold::os::windows
