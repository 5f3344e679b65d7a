// The name of a file that was moved aside.
#pragma once

#include <string_view>

namespace tensorhold::os::windows {

/// Ending that a file moved aside has where a temporary has ".tmp": it is the only copy of its
/// bytes until something stands at its old name again.
inline constexpr std::string_view aside_ending = ".old";

}  // namespace tensorhold::os::windows
