#include <cstring>

#include "os/fault/copy.hpp"

namespace tensorhold::os {

std::size_t copy_readable(const std::byte* from, std::span<std::byte> to) noexcept {
  if (!to.empty()) std::memcpy(to.data(), from, to.size());
  return to.size();
}

bool copy_readable_runs(const std::byte* from, const base::Runs& runs, std::byte* to) noexcept {
  base::gather(from, runs, to);
  return true;
}

bool copies_survive() noexcept { return false; }

}  // namespace tensorhold::os
