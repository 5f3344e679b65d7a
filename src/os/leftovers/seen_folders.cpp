#include "os/leftovers/seen_folders.hpp"

#include <array>
#include <atomic>
#include <cstdint>

#include "os/process/process.hpp"

namespace tensorhold::os {
namespace {

constexpr unsigned index_bits = 12;

/// A sum of each folder, at a place that the sum chooses; 0: none. The process is part of the sum,
/// so that what a child inherits says nothing to it.
std::array<std::atomic<std::uint64_t>, std::size_t{1} << index_bits> seen{};

std::uint64_t sum_of(const FolderMark& folder) noexcept {
  std::uint64_t sum = 0;
  for (const std::uint64_t part :
       {folder.identity.device, folder.identity.file, folder.identity.file_high, folder.born,
        static_cast<std::uint64_t>(process_id())}) {
    sum = (sum ^ part) * 0x9E37'79B9'7F4A'7C15U;
    sum ^= sum >> 32U;
  }
  return sum == 0 ? 1 : sum;
}

std::atomic<std::uint64_t>& place_of(std::uint64_t sum) noexcept {
  return seen[static_cast<std::size_t>(sum >> (64 - index_bits))];
}

}  // namespace

bool is_first_look(const FolderMark& folder) noexcept {
  const std::uint64_t sum = sum_of(folder);
  return place_of(sum).exchange(sum) != sum;
}

void look_again(const FolderMark& folder) noexcept {
  std::uint64_t sum = sum_of(folder);
  (void)place_of(sum).compare_exchange_strong(sum, 0);
}

}  // namespace tensorhold::os
