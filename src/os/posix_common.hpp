// What the POSIX files of this layer share: paths as the system takes them, struct stat as a plain
// value.
#pragma once

#include <sys/stat.h>

#include <string>

#include "os/file.hpp"

namespace tensorhold::os {

/// invalid_argument when `path` is empty or has a NUL inside, which would cut it silently.
void require_path(const std::string& path);

[[nodiscard]] FileStatus to_status(const struct ::stat& from) noexcept;

}  // namespace tensorhold::os
