// For systems where no way to share bytes between files was tried.
#include "os/disk/share.hpp"

namespace tensorhold::os {

bool share_range(const File&, std::uint64_t, const Output&, std::uint64_t, std::uint64_t) noexcept {
  return false;
}

}  // namespace tensorhold::os
