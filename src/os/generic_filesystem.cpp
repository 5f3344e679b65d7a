// For systems where filesystems are not told apart.
#include "os/file.hpp"

namespace tensorhold::os {

Filesystem filesystem_of(const File&) noexcept { return {}; }

}  // namespace tensorhold::os
