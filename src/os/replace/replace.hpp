// The only platform code, replacing side: a file takes the name of another.
// replace_posix.cpp and replace_windows.cpp implement it.
#pragma once

#include <string>

#include "os/replace/place.hpp"

namespace tensorhold::os {

/// The file at `from` takes the name of `place` in one step (see temporary.hpp for Windows), and
/// what stood there is replaced. False when the two are on different filesystems; nothing changed
/// then, nor when it raises: not_found, not_a_file (a folder at either end), permission_denied,
/// file_in_use, io_error.
[[nodiscard]] bool replace_file(const std::string& from, const Place& place);

/// Makes the bytes of the file at `path` survive a power cut; false when the filesystem has no way
/// to. io_error, no_space: the bytes may be lost.
[[nodiscard]] bool sync_file(const std::string& path);

}  // namespace tensorhold::os
