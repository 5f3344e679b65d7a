#include "os/share.hpp"

namespace tensorhold::os {

bool share_range(const File& /*from*/, std::uint64_t /*from_at*/, const Output& /*to*/,
                 std::uint64_t /*to_at*/, std::uint64_t /*bytes*/) noexcept {
  return false;
}

}  // namespace tensorhold::os
