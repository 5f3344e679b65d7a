// Paths between UTF-8 and the system's UTF-16.
#pragma once

#include <string>
#include <string_view>

namespace tensorhold::os::windows {

/// `path` as the system takes it; one that is long is made absolute with the prefix that lifts the
/// limit of 260 characters. invalid_argument: empty, a NUL inside, or not UTF-8.
[[nodiscard]] std::wstring wide_path(const std::string& path);

/// `path` in UTF-16 as it is. Raises as wide_path().
[[nodiscard]] std::wstring widened(const std::string& path);

/// UTF-8 of a name that the system gave; what is not UTF-16 becomes U+FFFD.
[[nodiscard]] std::string utf8(std::wstring_view text);

}  // namespace tensorhold::os::windows
