// From declared tensors to the plan of a file, for all that writes one.
#pragma once

#include <cstdint>
#include <string>

#include "format/write/layout.hpp"

namespace tensorhold::io {

/// Bytes of the whole file. Raises shape_overflow.
[[nodiscard]] std::uint64_t file_bytes(const format::Layout& layout, const std::string& path);

}  // namespace tensorhold::io
