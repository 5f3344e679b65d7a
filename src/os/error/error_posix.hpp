// From errno to an Error with a code, a reason and an advice: the one place where POSIX failures
// get their words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

}  // namespace tensorhold::os
