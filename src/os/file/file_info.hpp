// Quick looks at names and files. file_info_posix.cpp and file_info_windows.cpp implement it.
#pragma once

#include <cstdint>
#include <string>

#include "os/file/file.hpp"

namespace tensorhold::os {

/// True when something stands at `path`, or when that is longer than the system takes, so that only
/// a look beside a Place can tell. One system call.
[[nodiscard]] bool stands_at(const std::string& path) noexcept;

/// True when a symbolic link stands at `path`. One system call.
[[nodiscard]] bool is_link(const std::string& path) noexcept;

/// When the file behind a handle was made, as a number of the system's own; 0 where the filesystem
/// does not tell. Writing does not change it. Together with the identity it tells a file from a
/// later one that was given the number of the first.
[[nodiscard]] std::uint64_t birth_mark(std::intptr_t handle) noexcept;

/// True where a write sets the time of the file's last change at once, if to one that may be
/// coarse.
extern const bool writes_set_times;

/// True when the file behind `handle` has the size and the time of the last write of `before`. Over
/// a network, as the server says.
[[nodiscard]] bool is_as_written(std::intptr_t handle, const FileStatus& before) noexcept;

/// True when the error of a call says that the filesystem or the system has no such call, and not
/// that it failed.
[[nodiscard]] bool is_no_failure(int os_error) noexcept;

}  // namespace tensorhold::os
