// The way into this layer: from the bytes of a header to a checked Header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "format/header/header.hpp"
#include "tensorhold/options.hpp"

namespace tensorhold::format {

/// Length of the little-endian number that a file begins with.
inline constexpr std::uint64_t prefix_bytes = 8;
/// Enough of a file's start to tell its length field and what else it may be.
inline constexpr std::size_t sniff_bytes = 4096;

struct ParseOptions {
  /// Bytes after the last tensor are accepted, and values of metadata that are no strings, as their
  /// JSON text.
  bool lenient = false;
  std::uint64_t header_limit = default_header_limit;  ///< longest accepted header in bytes
  std::string path = {};                              ///< for messages, UTF-8
};

/// Length of the header, from the first bytes of a file, checked so that it may be allocated and
/// read. `first`: the first min(sniff_bytes, file_bytes) bytes; at least 8 where the file has them.
/// Raises header_too_small, header_too_large, header_truncated, not_safetensors, sharded_model.
[[nodiscard]] std::uint64_t check_length(std::span<const std::byte> first, std::uint64_t file_bytes,
                                         const ParseOptions& options);

/// Parses and validates the text of a header, which may be hostile. `file_bytes`: size of the whole
/// file, at least prefix_bytes + header.size(). Raises 2xx errors with the byte in the file.
[[nodiscard]] Header parse(std::string_view header, std::uint64_t file_bytes,
                           const ParseOptions& options);

}  // namespace tensorhold::format
