// Collects what a parser finds and checks it: the one place where the format's rules on sizes,
// offsets and names live, whichever parser read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/checked.hpp"
#include "format/header/flat_array.hpp"
#include "format/header/header.hpp"
#include "tensorhold/dtype.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::format {

/// Bits that a tensor takes; nothing when they do not fit in 64 bits.
[[nodiscard]] inline std::optional<std::uint64_t> bits_needed(
    Dtype dtype, std::span<const std::uint64_t> shape) noexcept {
  std::uint64_t count = 1;
  for (const std::uint64_t extent : shape) {
    const auto product = base::checked_mul(count, extent);
    if (!product) return std::nullopt;
    count = *product;
  }
  return base::checked_mul(count, bits_of(dtype));
}

/// A broken rule. `expected` and `actual` are bytes, bits or offsets into the byte buffer, as the
/// code has it.
struct Fault {
  Code code;
  std::uint32_t tensor = 0;  ///< number in header order; of the pair in metadata
  std::uint64_t expected = 0;
  std::uint64_t actual = 0;
  bool in_metadata = false;
};

class HeaderBuilder {
 public:
  /// `header_bytes`: length of the text that is about to be read; bounds what is reserved.
  explicit HeaderBuilder(std::size_t header_bytes);

  /// Extents of the tensor that is being read, outermost first.
  void add_extent(std::uint64_t extent) { header_.extents_.push_back(extent); }

  /// Ends the tensor that is being read. Checks its size against its shape. Copies `name`.
  [[nodiscard, gnu::always_inline]] std::optional<Fault> add_tensor(std::string_view name,
                                                                    Dtype dtype,
                                                                    std::uint64_t begin,
                                                                    std::uint64_t end);

  /// The header has `__metadata__`, so far an empty one.
  void begin_metadata() { header_.has_metadata_ = true; }
  void add_metadata(std::string_view key, std::string_view value);

  /// Checks everything that concerns more than one tensor. `data_bytes`: what follows the header in
  /// the file. Once it returned no fault, take() may be called.
  [[nodiscard]] std::optional<Fault> finish(std::uint64_t data_bytes, bool lenient);
  [[nodiscard]] Header take() { return std::move(header_); }

  [[nodiscard]] std::size_t size() const noexcept { return header_.dtypes_.size(); }
  /// Name of the tensor that a Fault is about.
  [[nodiscard]] std::string_view name(std::uint32_t tensor) const noexcept {
    return header_.name(tensor);
  }

 private:
  [[nodiscard]] std::optional<Fault> sort_by_offset();
  void reorder(const FlatArray<std::uint32_t>& order);
  [[nodiscard]] std::optional<Fault> finish_metadata();

  Header header_;
  FlatArray<std::uint32_t> metadata_starts_;  // keys and values in turn, into metadata_text_
  std::uint64_t data_end_ = 0;                // of the tensors so far, while they come in order
  bool in_order_ = true;
};

inline std::optional<Fault> HeaderBuilder::add_tensor(std::string_view name, Dtype dtype,
                                                      std::uint64_t begin, std::uint64_t end) {
  const auto number = static_cast<std::uint32_t>(size());
  const std::uint32_t shape_start = header_.shape_starts_[number];
  const auto bits = bits_needed(dtype, header_.extents_.view().subspan(shape_start));
  if (!bits) return Fault{Code::shape_overflow, number};
  if (*bits % 8 != 0) return Fault{Code::partial_byte, number, *bits};
  if (begin > end) return Fault{Code::invalid_offsets, number, begin, end};
  if (end - begin != *bits / 8) return Fault{Code::size_mismatch, number, *bits / 8, end - begin};
  in_order_ = in_order_ && begin == data_end_;
  data_end_ = end;
  header_.begins_.push_back(begin);
  header_.dtypes_.push_back(dtype);
  header_.shape_starts_.push_back(static_cast<std::uint32_t>(header_.extents_.size()));
  header_.name_text_.append(name.data(), name.size());
  header_.name_starts_.push_back(static_cast<std::uint32_t>(header_.name_text_.size()));
  return std::nullopt;
}

}  // namespace tensorhold::format
