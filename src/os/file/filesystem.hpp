// What kind of filesystem a file is on. filesystem_linux.cpp, filesystem_windows.cpp, or
// filesystem_generic.cpp.
#pragma once

#include <cstdint>

#include "os/file/file.hpp"

namespace tensorhold::os {

/// What answers for the bytes of a file. Over a network, or from another process, pages of a
/// mapping come one by one, some ten times slower than large reads do.
enum class Storage : std::uint8_t {
  local,    ///< a disk or memory of this machine, as far as the system tells
  network,  ///< another machine
  process   ///< another process: FUSE
};

struct Filesystem {
  Storage storage = Storage::local;
  const char* name =
      "";  ///< as people call it, such as "ext4"; empty when the system does not tell
};

[[nodiscard]] Filesystem filesystem_of(const File& file) noexcept;

/// True where reading a handle and looking at a mapping of it always give the same bytes. Not on
/// overlayfs, where both go to different files once the file was copied up, and not where the
/// bytes come from another machine or process.
[[nodiscard]] bool reads_what_mappings_show(const File& file) noexcept;

}  // namespace tensorhold::os
