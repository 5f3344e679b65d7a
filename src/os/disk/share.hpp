// Sharing of bytes between files on filesystems that can. share_linux.cpp, or share_generic.cpp.
#pragma once

#include <cstdint>

#include "os/output/output.hpp"

namespace tensorhold::os {

/// Offsets and sizes of shared ranges are multiples of this.
inline constexpr std::uint64_t share_alignment = 4096;

/// Makes [to_at, to_at + bytes) of `to` the same blocks of the disk as [from_at, from_at + bytes)
/// of `from`, copied when one of them is written. False when the filesystem cannot, or not with
/// these offsets; then nothing changed.
[[nodiscard]] bool share_range(const File& from, std::uint64_t from_at, const Output& to,
                               std::uint64_t to_at, std::uint64_t bytes) noexcept;

}  // namespace tensorhold::os
