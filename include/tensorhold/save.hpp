// Writing safetensors files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensorhold/dtype.hpp"
#include "tensorhold/error.hpp"
#include "tensorhold/export.hpp"
#include "tensorhold/options.hpp"
#include "tensorhold/path.hpp"
#include "tensorhold/tensor.hpp"

namespace tensorhold {
inline namespace v0 {

/// A tensor to be saved. Borrows everything; must stay valid and unchanged until save returns.
struct SaveTensor {
  SaveTensor() = default;
  SaveTensor(std::string_view own_name, Dtype type, std::span<const std::uint64_t> extents,
             std::span<const std::byte> content)
      : name(own_name), dtype(type), shape(extents), bytes(content) {}
  /// A tensor of a file or an owned one, under its own or another name.
  explicit SaveTensor(const Tensor& tensor) : SaveTensor(tensor.name(), tensor) {}
  SaveTensor(std::string_view other_name, const Tensor& tensor)
      : name(other_name), dtype(tensor.dtype()), shape(tensor.shape()), bytes(tensor.bytes()) {}

  std::string_view name;
  Dtype dtype = Dtype::u8;
  std::span<const std::uint64_t> shape;  ///< extents, outermost first
  std::span<const std::byte> bytes;      ///< row-major, in the byte order of the machine
};

/// `__metadata__`, written in this order. std::nullopt writes none, an empty one writes `{}`.
using Metadata = std::vector<std::pair<std::string, std::string>>;

/// Writes a file that replaces `path` in one step: readers see the old or the new file, never a
/// part; a failure at any step leaves the old one and no litter. Deterministic, and byte-identical
/// to the reference writer with default options. An existing file's mode and owner are kept. Raises
/// duplicate_name, size_mismatch, partial_byte, invalid_utf8, header_too_large and 1xx; not_durable
/// means that the new file is in place.
TENSORHOLD_API void save(const Path& path, std::span<const SaveTensor> tensors,
                         const std::optional<Metadata>& metadata = std::nullopt,
                         const SaveOptions& options = {});
[[nodiscard]] TENSORHOLD_API Result<void> try_save(
    const Path& path, std::span<const SaveTensor> tensors,
    const std::optional<Metadata>& metadata = std::nullopt,
    const SaveOptions& options = {}) noexcept;

/// The same bytes in memory.
[[nodiscard]] TENSORHOLD_API std::vector<std::byte> save_bytes(
    std::span<const SaveTensor> tensors, const std::optional<Metadata>& metadata = std::nullopt,
    const SaveOptions& options = {});

}  // namespace v0
}  // namespace tensorhold
