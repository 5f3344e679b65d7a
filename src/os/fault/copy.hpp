// Copies out of memory that may be gone, because the file under a mapping became shorter.
#pragma once

#include <cstddef>
#include <span>

#include "base/runs.hpp"

namespace tensorhold::os {

/// Copies to.size() bytes from `from` and returns how many were copied: fewer when the memory
/// behind `from` cannot be read (a truncated file under a mapping), where a plain copy would end
/// the process. Where the system has no way to do so (see docs/guarantees.md) it is a plain copy.
/// Thread-safe.
[[nodiscard]] std::size_t copy_readable(const std::byte* from, std::span<std::byte> to) noexcept;

/// Copies runs, whose offsets count from `from`, into `to`, which has runs.nbytes(). False: some of
/// it cannot be read, or this system or this thread can only tell so run by run; `to` may be
/// written in part then, and copy_readable() of each run has the answer. Thread-safe.
[[nodiscard]] bool copy_readable_runs(const std::byte* from, const base::Runs& runs,
                                      std::byte* to) noexcept;

/// True where copy_readable() is more than a plain copy.
[[nodiscard]] bool copies_survive() noexcept;

}  // namespace tensorhold::os
