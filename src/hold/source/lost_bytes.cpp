#include "hold/source/lost_bytes.hpp"

#include <algorithm>

#include "hold/source/mapped_block.hpp"
#include "hold/source/registry.hpp"
#include "os/fault/copy.hpp"
#include "os/fault/guard.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::hold {

std::size_t take(const std::byte* from, std::span<std::byte> to) {
  const std::size_t copied = os::copy_readable(from, to);
  if (copied == to.size()) return copied;
  const auto [keep, block] = mapped_block_at(from);
  return block == nullptr ? copied : block->take(from, to, copied);
}

std::optional<std::uint64_t> LostBytes::lost_at(std::span<const std::byte> taken) {
  if (taken.empty()) return std::nullopt;
  auto known = std::ranges::find_if(
      asked_, [&](const Asked& asked) { return asked.block->contains(taken.data()); });
  if (known == asked_.end()) {
    auto [keep, block] = mapped_block_at(taken.data());
    if (block == nullptr) return std::nullopt;
    asked_.push_back({std::move(keep), block, block->file_bytes()});
    known = asked_.end() - 1;
  }
  return known->block->lost_at(taken, known->file_bytes);
}

LostBytes::Loss LostBytes::loss_of(std::span<const std::byte> taken) {
  if (os::is_damaged(taken)) return Loss::damaged;
  return lost_at(taken) ? Loss::truncated : Loss::none;
}

bool LostBytes::any_of(std::span<const std::byte> taken) { return loss_of(taken) != Loss::none; }

void LostBytes::refuse(std::span<const std::byte> taken, const std::string& path,
                       std::string_view tensor) {
  const Loss loss = loss_of(taken);
  if (loss == Loss::none) return;
  throw Error({.code = loss == Loss::damaged ? Code::damaged : Code::truncated,
               .reason = "the file that the bytes are mapped from became shorter, so that zeros "
                         "stand in the place of some of them",
               .advice = "Load the tensor again from a whole file, then write it.",
               .path = path,
               .tensor = std::string(tensor)});
}

void LostBytes::refuse(std::span<const std::byte> taken) {
  if (loss_of(taken) == Loss::none) return;
  const auto [keep, block] = mapped_block_at(taken.data());
  if (block != nullptr) block->refuse_lost(taken);
}

}  // namespace tensorhold::hold
