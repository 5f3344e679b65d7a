// Text from outside (paths, names of tensors) as a line that a person or a log may be shown.
#pragma once

#include <string>
#include <string_view>

namespace tensorhold::base {

/// `text` in UTF-8, with what would break a line, end a C string, or steer a terminal shown as in a
/// string literal: control characters, line and paragraph separators, marks that change the
/// direction of text, and bytes that are not UTF-8.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace tensorhold::base
