// From file to file: shared where the filesystem can, else copied.
#pragma once

#include <cstdint>

#include "os/output/output.hpp"

namespace tensorhold::io {

/// Copies [from_at, from_at + bytes) of `from` to `to_at` of `to`. Raises unexpected_end, no_space,
/// io_error.
void copy_bytes(const os::File& from, std::uint64_t from_at, const os::Output& to,
                std::uint64_t to_at, std::uint64_t bytes);

/// True when part of [from_at, from_at + bytes) of `from` is a hole.
[[nodiscard]] bool has_holes(const os::File& from, std::uint64_t from_at, std::uint64_t bytes);

/// copy_bytes() of what is no hole; the same range of `to` must be one, or read as zeros.
void copy_data(const os::File& from, std::uint64_t from_at, const os::Output& to,
               std::uint64_t to_at, std::uint64_t bytes);

/// Shares the whole blocks of [from_at, from_at + bytes) of `from` with `to_at` of `to`, and copies
/// the edges. False, and nothing done: the filesystem or these offsets do not allow it. Raises as
/// copy_range().
[[nodiscard]] bool share(const os::File& from, std::uint64_t from_at, const os::Output& to,
                         std::uint64_t to_at, std::uint64_t bytes);

/// Brings [from_at, from_at + bytes) of `from` to `to_at` of `to`, shared or
/// else copied; true when shared. Raises unexpected_end, no_space, io_error.
bool copy_range(const os::File& from, std::uint64_t from_at, const os::Output& to,
                std::uint64_t to_at, std::uint64_t bytes);

}  // namespace tensorhold::io
