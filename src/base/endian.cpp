#include "base/endian.hpp"

#include <algorithm>

namespace tensorhold::base {

void swap_elements(Dtype dtype, std::span<std::byte> bytes) noexcept {
  const std::size_t width = dtype == Dtype::c64 ? 4 : bits_of(dtype) / 8;
  if (width < 2) return;
  for (std::size_t at = 0; at + width <= bytes.size(); at += width)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + width));
}

std::uint64_t load_little_u64(std::span<const std::byte, 8> bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

void store_little_u64(std::uint64_t value, std::span<std::byte, 8> bytes) noexcept {
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(value & 0xff);
    value >>= 8;
  }
}

}  // namespace tensorhold::base
