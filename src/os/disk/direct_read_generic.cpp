#include "os/disk/direct_read.hpp"

namespace tensorhold::os {

std::unique_ptr<const DirectReads> DirectReads::open(const File& /*file*/) noexcept {
  return nullptr;
}

DirectReads::~DirectReads() = default;

bool DirectReads::is_cached(std::uint64_t /*offset*/) const noexcept { return true; }

std::optional<std::size_t> DirectReads::read(std::uint64_t /*offset*/,
                                             std::span<std::byte> /*out*/) const noexcept {
  return std::nullopt;
}

}  // namespace tensorhold::os
