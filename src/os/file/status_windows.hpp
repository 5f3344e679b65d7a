// What the system says of an open handle.
#pragma once

#include <string>

#include "os/error/api_windows.hpp"
#include "os/file/file.hpp"

namespace tensorhold::os::windows {

/// Status of the file behind a handle that was opened with FILE_READ_ATTRIBUTES or more; `path` is
/// for errors. Pipes, consoles and other devices are FileKind::other and nothing else.
[[nodiscard]] FileStatus status_of(HANDLE handle, const std::string& path);

}  // namespace tensorhold::os::windows
