// For systems whose access control lists were not tried: what they add to the mode is not carried.
#include "os/rights/extended_attributes_posix.hpp"

namespace tensorhold::os {

std::optional<std::vector<std::byte>> read_list(int /*descriptor*/) {
  return std::vector<std::byte>();
}

bool write_list(int /*descriptor*/, const std::vector<std::byte>& list) noexcept {
  return list.empty();
}

void copy_extended(int /*from*/, int /*to*/) {}

}  // namespace tensorhold::os
