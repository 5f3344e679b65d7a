// Slices as people type them.
#pragma once

#include <string>
#include <vector>

#include "tensorhold/slice.hpp"

namespace tensorhold::cli {

/// "0:10, ::2, -1, ..." in Python's notation, with or without brackets. Raises invalid_slice with
/// the part that is not understood.
[[nodiscard]] std::vector<Index> parse_slice(const std::string& text);

}  // namespace tensorhold::cli
