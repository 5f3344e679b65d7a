// Changing names in a folder: how long one may be, and what a change that failed means.
#pragma once

#include <cstddef>
#include <string_view>

#include "os/replace/place.hpp"

namespace tensorhold::os {

/// Longest name that the folder takes, in bytes.
[[nodiscard]] std::size_t name_limit(int folder) noexcept;

/// As raise_system() for a place whose name could not be changed. Filesystems that mind holders
/// report them as missing permission, although the folder may be written: then it is file_in_use.
/// What is busy may be a mount point, which nobody need hold: see refuse_mount_point().
[[noreturn]] void raise_change(int error, std::string_view action, const Place& place);

/// permission_denied when `error` is EBUSY and a file that is itself a mount point stands at the
/// place, as where a container was given a single file.
void refuse_mount_point(int error, std::string_view action, const Place& place);

}  // namespace tensorhold::os
