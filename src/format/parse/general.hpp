// Reads any header that is JSON, and says exactly what is wrong with one that is not acceptable.
#pragma once

#include <cstdint>
#include <string_view>

#include "format/header/header.hpp"
#include "format/parse/parse.hpp"

namespace tensorhold::format {

/// Strict and complete; slower than parse_canonical() and of the same opinion. Raises 2xx errors.
/// `header` is valid UTF-8.
[[nodiscard]] Header parse_general(std::string_view header, std::uint64_t file_bytes,
                                   const ParseOptions& options);

}  // namespace tensorhold::format
