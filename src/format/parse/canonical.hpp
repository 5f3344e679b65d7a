// The fast path: headers in exactly the form that the known writers emit.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "format/header/header.hpp"
#include "format/parse/parse.hpp"

namespace tensorhold::format {

/// One pass over a header without white space (but at its end), without escapes in names, with the
/// fields of each entry in the order of the reference writer (dtype, shape, data_offsets) or in
/// alphabetical order (MLX and others that sort). Nothing for any other header, a wrong one
/// included: parse_general() then reads it, or says what is wrong. `header` is valid UTF-8.
[[nodiscard]] std::optional<Header> parse_canonical(std::string_view header,
                                                    std::uint64_t file_bytes,
                                                    const ParseOptions& options);

}  // namespace tensorhold::format
