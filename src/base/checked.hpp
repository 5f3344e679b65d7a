// Overflow-checked arithmetic on sizes. Every size that comes from a file goes through here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace tensorhold::base {

[[nodiscard]] constexpr std::optional<std::uint64_t> checked_add(std::uint64_t a,
                                                                 std::uint64_t b) noexcept {
  std::uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

[[nodiscard]] constexpr std::optional<std::uint64_t> checked_mul(std::uint64_t a,
                                                                 std::uint64_t b) noexcept {
  // A division would cost more than all else in parsing a tensor's entry.
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

/// The smallest multiple of `alignment` (a power of two) that is not below `value`.
[[nodiscard]] constexpr std::optional<std::uint64_t> checked_align_up(
    std::uint64_t value, std::uint64_t alignment) noexcept {
  const auto padded = checked_add(value, alignment - 1);
  if (!padded) return std::nullopt;
  return *padded & ~(alignment - 1);
}

/// `value` as a size in this address space.
[[nodiscard]] constexpr std::optional<std::size_t> checked_size(std::uint64_t value) noexcept {
  if (value > std::numeric_limits<std::size_t>::max()) return std::nullopt;
  return static_cast<std::size_t>(value);
}

}  // namespace tensorhold::base
