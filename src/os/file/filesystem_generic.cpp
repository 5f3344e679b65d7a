// For systems where filesystems are not told apart.
#include "os/file/file.hpp"
#include "os/file/filesystem.hpp"

namespace tensorhold::os {

Filesystem filesystem_of(const File&) noexcept { return {}; }

bool reads_what_mappings_show(const File&) noexcept { return false; }

}  // namespace tensorhold::os
