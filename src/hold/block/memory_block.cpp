#include "hold/block/memory_block.hpp"

#include <cstring>

namespace tensorhold::hold {

const std::byte* MemoryBlock::stable_data(std::uint32_t index) noexcept {
  return base_ + catalog().offset(index);
}

void MemoryBlock::read(std::uint32_t index, std::uint64_t from, std::span<std::byte> out) {
  if (!out.empty()) std::memcpy(out.data(), stable_data(index) + from, out.size());
}

}  // namespace tensorhold::hold
