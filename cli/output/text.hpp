// Text for a terminal: names from hostile files, sizes, shapes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tensorhold::cli {

/// `text` with everything that could move a cursor or hide letters written as \n, \x1b or \u202e:
/// controls, format characters, and bytes that are not UTF-8.
[[nodiscard]] std::string printable(std::string_view text);

/// Columns that printable text takes: 2 for wide letters, 0 for combining ones.
[[nodiscard]] std::size_t columns(std::string_view printable);

/// Printable text cut in the middle, with "…", to at most `width` columns.
[[nodiscard]] std::string shorten(std::string_view printable, std::size_t width);

/// `text` with spaces behind it up to `width` columns.
[[nodiscard]] std::string pad(std::string_view printable, std::size_t width);

/// "1.2 MiB"; at most 8 columns.
[[nodiscard]] std::string size_text(std::uint64_t bytes);

/// "1,234,567".
[[nodiscard]] std::string count_text(std::uint64_t count);

/// "[3, 4]".
[[nodiscard]] std::string shape_text(std::span<const std::uint64_t> shape);

}  // namespace tensorhold::cli
