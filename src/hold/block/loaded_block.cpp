#include "hold/block/loaded_block.hpp"

#include <cstring>

namespace tensorhold::hold {

void LoadedBlock::read(std::uint32_t index, std::uint64_t from, std::span<std::byte> out) {
  if (!out.empty()) std::memcpy(out.data(), stable_data(index) + from, out.size());
}

}  // namespace tensorhold::hold
