// Quick looks at names, and whom to trust. posix_look.cpp and windows_look.cpp implement it.
#pragma once

#include <cstdint>
#include <string>

#include "os/output.hpp"

namespace tensorhold::os {

/// True when something stands at `path`. One system call.
[[nodiscard]] bool stands_at(const std::string& path) noexcept;

/// True when a symbolic link stands at `path`. One system call.
[[nodiscard]] bool is_link(const std::string& path) noexcept;

/// True when `file` is from somebody who may change `target` anyway: its owner, the system's
/// administrator, or who runs this process. Always true where the system has no simple owners.
[[nodiscard]] bool is_trusted(const File& file, const Output& target) noexcept;

/// When the file was made, as a number of the system's own; 0 where the filesystem does not tell.
/// Writing does not change it. Together with the identity it tells a file from a later one that was
/// given the number of the first.
[[nodiscard]] std::uint64_t birth_mark(const Output& file) noexcept;

}  // namespace tensorhold::os
