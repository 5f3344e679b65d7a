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

#include "format/header/flat_array.hpp"
#include "format/header/name_index.hpp"
#include "tensorhold/dtype.hpp"

namespace tensorhold::format {

/// Everything a header says, in offset order (ties, which only empty tensors make, by their order
/// in the header). Immutable once parsed; safe to share between threads.
class Header {
 public:
  /// No tensor, no metadata.
  Header() = default;
  Header(Header&&) noexcept = default;
  Header& operator=(Header&&) noexcept = default;

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
  /// Bytes from the start of the byte buffer to the end of the last tensor.
  [[nodiscard]] std::uint64_t data_bytes() const noexcept;

 private:
  friend class HeaderBuilder;
  [[nodiscard]] NameTable names() const noexcept;

  // A tensor's end is the next one's begin: a checked header has neither holes nor overlaps.
  FlatArray<std::uint64_t> begins_;        // one more than tensors; the last is data_bytes
  FlatArray<std::uint64_t> extents_;       // all shapes back to back
  FlatArray<std::uint32_t> shape_starts_;  // into extents_, one more than tensors
  FlatArray<std::uint32_t> name_starts_;   // into name_text_, one more than tensors
  FlatArray<char> name_text_;
  FlatArray<Dtype> dtypes_;
  NameIndex index_;
  FlatArray<char> metadata_text_;
  std::vector<std::pair<std::string_view, std::string_view>> metadata_;  // into metadata_text_
  bool has_metadata_ = false;
  std::uint64_t trailing_bytes_ = 0;
};

}  // namespace tensorhold::format
