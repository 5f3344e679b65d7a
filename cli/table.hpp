// The table of a file's tensors that ls and demo print.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tensorhold/file.hpp"

namespace tensorhold::cli {

/// One line: number of tensors and of parameters (elements), bytes; and bytes after them, if any.
[[nodiscard]] std::string totals(const File& file);

/// A line of headings and one a tensor, each ended by a newline, at most 80 columns wide; or as
/// wide as the names and shapes are.
[[nodiscard]] std::string tensor_table(const File& file, const std::vector<std::size_t>& positions,
                                       bool full_width);

/// Elements of a tensor.
[[nodiscard]] std::uint64_t elements(const TensorInfo& info) noexcept;

}  // namespace tensorhold::cli
