// struct stat as a plain value, for the POSIX files of this layer.
#pragma once

#include <sys/stat.h>

#include "os/file.hpp"

namespace tensorhold::os {

[[nodiscard]] FileStatus to_status(const struct ::stat& from) noexcept;

}  // namespace tensorhold::os
