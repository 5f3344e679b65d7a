// From errno to an Error with a code, a reason and an advice: the one place where POSIX failures
// get their words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "os/replace/temporary.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {

/// The code that stands for an errno of an operation on a path or an open file.
[[nodiscard]] Code code_of(int error) noexcept;

/// `action` completes "cannot ...", as in "read the file"; the errno gives the rest of the reason,
/// the code and the advice.
[[nodiscard]] Error system_error(int error, std::string_view action, const std::string& path,
                                 std::optional<std::uint64_t> offset = std::nullopt);

/// Throws system_error().
[[noreturn]] void raise_system(int error, std::string_view action, const std::string& path,
                               std::optional<std::uint64_t> offset = std::nullopt);

/// As raise_system() for a place whose name could not be changed. Filesystems that mind holders
/// report them as missing permission, although the folder may be written: then it is file_in_use.
/// What is busy may be a mount point, which nobody need hold: see refuse_mount_point().
[[noreturn]] void raise_change(int error, std::string_view action, const Place& place);

/// permission_denied when `error` is EBUSY and a file that is itself a mount point stands at the
/// place, as where a container was given a single file.
void refuse_mount_point(int error, std::string_view action, const Place& place);

}  // namespace tensorhold::os
