// The writer's plan: which tensor goes where, and the bytes that stand before them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensorhold/dtype.hpp"
#include "tensorhold/options.hpp"

namespace tensorhold::format {

/// What the data of a new file may begin at a multiple of: a power of two in this range.
inline constexpr std::uint64_t smallest_align = 8;
inline constexpr std::uint64_t largest_align = 65536;

/// A tensor to be laid out; borrows name and shape.
struct TensorSpec {
  std::string_view name;
  Dtype dtype = Dtype::u8;
  std::span<const std::uint64_t> shape;
  std::uint64_t nbytes = 0;  ///< of its data; checked against dtype and shape
};

/// The same type as tensorhold::Metadata.
using MetadataPairs = std::vector<std::pair<std::string, std::string>>;

struct LayoutOptions {
  std::uint64_t align = 8;                            ///< the data begins at a multiple of it
  std::uint64_t reserve_header = 0;                   ///< spaces kept free at the end of the header
  std::uint64_t header_limit = default_header_limit;  ///< longest header that may come out
  std::string path = {};                              ///< for messages, UTF-8
};

/// One tensor's place in the byte buffer.
struct Placed {
  std::size_t index = 0;    ///< in the input
  std::uint64_t begin = 0;  ///< offset in the byte buffer
  std::uint64_t nbytes = 0;
};

struct Layout {
  std::string prefix;         ///< the 8 length bytes and the header; the byte buffer follows
  std::vector<Placed> order;  ///< in the order of the byte buffer, without holes
  std::uint64_t data_bytes = 0;
};

/// Checks the tensors and lays them out as the reference writer does: dtypes in descending order,
/// then names in ascending order of bytes. `metadata`: null for none; written in its order. Raises
/// duplicate_name, invalid_argument (a tensor named __metadata__, a bad option), invalid_utf8,
/// shape_overflow, partial_byte, size_mismatch, header_too_large.
[[nodiscard]] Layout make_layout(std::span<const TensorSpec> tensors, const MetadataPairs* metadata,
                                 const LayoutOptions& options = {});

}  // namespace tensorhold::format
