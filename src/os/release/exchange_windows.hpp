// Release in place on Windows: the views of a mapping are exchanged, one by one and at their
// addresses, for views of page file sections that were filled before.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "os/error/api_windows.hpp"
#include "os/file/placeholder_windows.hpp"
#include "os/release/release.hpp"

namespace tensorhold::os::windows {

/// The views that `bytes` at `base` consist of, in order. Empty where they cannot be exchanged: the
/// system has no placeholders, or had none to give when the mapping was made.
[[nodiscard]] std::vector<Part> exchangeable_views(std::byte* base, std::size_t bytes,
                                                   bool writable);

/// Exchanges one view of a mapping: the pages that `live` (sorted, disjoint, in bytes from the
/// view's first one, within `readable` bytes) touches keep their bytes, all others are absent from
/// then on and cost nothing. NO_ERROR, or why not; then nothing changed. ERROR_PARTIAL_COPY: bytes
/// of the view cannot be read.
///
/// Readers see no wrong byte, writers of a writable view lose no write, given that a GapHandler
/// covers the view; one view at a time is exchanged in a process, and copied too when it is
/// writable, but several threads may call this. System calls on the view's memory fail in the
/// meantime (998, 299 or 1784).
[[nodiscard]] DWORD exchange_view(const PlaceholderCalls& calls, std::byte* view,
                                  std::size_t readable, std::span<const Part> live, bool writable);

}  // namespace tensorhold::os::windows
