// FNV-1a: a sum that tells accidents apart, not malice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tensorhold::base {

inline constexpr std::uint64_t fnv_start = 0xcbf29ce484222325;

/// Of `bytes`; goes on from `sum`.
[[nodiscard]] constexpr std::uint64_t fnv1a(std::span<const std::byte> bytes,
                                            std::uint64_t sum = fnv_start) noexcept {
  for (const std::byte byte : bytes) sum = (sum ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  return sum;
}

}  // namespace tensorhold::base
