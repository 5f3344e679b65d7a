// For systems where filesystems are not told apart.
#include "os/file.hpp"

namespace tensorhold::os {

bool maps_slowly(const File&) noexcept { return false; }

}  // namespace tensorhold::os
