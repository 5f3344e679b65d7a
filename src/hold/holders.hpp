// Who holds a file: own tensors by name, other processes by number.
#pragma once

#include <string>

#include "tensorhold/holder.hpp"

namespace tensorhold::hold {

/// Holders of the file that stands at `path` now, and of those that were opened here by that path.
/// Raises what looking at the path raises. Thread-safe.
[[nodiscard]] Holders holders(const std::string& path);

/// True while a source of sources_of(path) has a mapping or a handle.
[[nodiscard]] bool held_here(const std::string& path);

}  // namespace tensorhold::hold
