// A checked header as flat tables: no node per tensor.
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

namespace tensorhold::format {

/// Everything a header says, in offset order (ties, which only empty tensors make, by their order
/// in the header). Immutable once parsed; safe to share between threads.
class Header {
 public:
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] std::string_view name(std::size_t index) const noexcept;
  [[nodiscard]] Dtype dtype(std::size_t index) const noexcept;
  [[nodiscard]] std::span<const std::uint64_t> shape(std::size_t index) const noexcept;
  /// Offsets relative to the byte buffer.
  [[nodiscard]] std::uint64_t begin(std::size_t index) const noexcept;
  [[nodiscard]] std::uint64_t end(std::size_t index) const noexcept;
  /// Expected constant time, whatever the names (the hash is seeded).
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const noexcept;
  [[nodiscard]] std::span<const std::pair<std::string_view, std::string_view>> metadata()
      const noexcept;
  /// True when the header has `__metadata__`, even an empty one (null counts as absent).
  [[nodiscard]] bool has_metadata() const noexcept;
  /// Bytes after the last tensor; 0 unless parsed leniently.
  [[nodiscard]] std::uint64_t trailing_bytes() const noexcept;
};

}  // namespace tensorhold::format
