#pragma once

#include "os/file.hpp"

namespace tensorhold::os {

/// True where reading the file is known to give the bytes that its mappings show: local filesystems
/// over one page cache. Not so on FUSE with direct_io, over a network, or on overlayfs, where a
/// handle and a mapping of one open may end up at two files.
[[nodiscard]] bool reads_what_mappings_show(const File& file) noexcept;

}  // namespace tensorhold::os
