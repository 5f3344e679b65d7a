// Memory that somebody locked with mlock(2).
#pragma once

#include <cstddef>
#include <vector>

#include "os/release/release.hpp"

namespace tensorhold::os {

/// The parts of [base, base + bytes) that are locked, sorted. Cheap while the process has locked
/// nothing. What cannot be found out counts as not locked.
[[nodiscard]] std::vector<Part> locked_parts(const std::byte* base, std::size_t bytes) noexcept;

/// Locks `part` of the memory at `base` without bringing in pages that are not there. Best effort.
void lock_again(std::byte* base, Part part) noexcept;

}  // namespace tensorhold::os
