// The table of a file's tensors that ls and demo print.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tensorhold/file.hpp"

namespace tensorhold::cli {

/// Elements and bytes of all tensors of a file.
struct Totals {
  std::uint64_t parameters = 0;
  std::uint64_t nbytes = 0;
};
[[nodiscard]] Totals totals_of(const File& file);

/// One line: number of tensors and of parameters (elements), bytes; and bytes after them, if any.
[[nodiscard]] std::string totals(const File& file);

/// A line of headings and one a tensor, each ended by a newline, as wide as the screen at most; or
/// as wide as the names and shapes are.
[[nodiscard]] std::string tensor_table(const File& file, const std::vector<std::size_t>& positions,
                                       bool full_width);

/// Elements of a tensor.
[[nodiscard]] std::uint64_t elements(const TensorInfo& info) noexcept;

}  // namespace tensorhold::cli
