// Byte order: files are little-endian.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "tensorhold/dtype.hpp"

namespace tensorhold::base {

/// True where typed values of `dtype` read the same on this machine as in a file.
[[nodiscard]] constexpr bool same_order(Dtype dtype) noexcept {
  return std::endian::native == std::endian::little || bits_of(dtype) <= 8;
}

/// Reverses the bytes of every scalar in `bytes` (C64: of each half). Its own inverse.
/// Precondition: `bytes` holds whole elements.
void swap_elements(Dtype dtype, std::span<std::byte> bytes) noexcept;

/// A number as a file writes it.
[[nodiscard]] std::uint64_t load_little_u64(std::span<const std::byte, 8> bytes) noexcept;
void store_little_u64(std::uint64_t value, std::span<std::byte, 8> bytes) noexcept;

}  // namespace tensorhold::base
