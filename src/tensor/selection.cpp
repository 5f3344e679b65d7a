#include "tensor/selection.hpp"

#include <algorithm>
#include <string>

#include "tensorhold/error.hpp"

namespace tensorhold::tensor {
namespace {

/// One dimension's part: `count` positions, the first at `start`, `step` apart.
struct Part {
  std::uint64_t start = 0;
  std::uint64_t count = 0;
  std::uint64_t step = 1;
  bool single = false;  ///< the dimension is dropped from the result
};

class Parts {
 public:
  Parts(const Subject& subject, std::span<const Index> indices) : subject_(subject) {
    const auto shape = subject.shape;
    const auto is_ellipsis = [](const Index& index) {
      return index.kind() == Index::Kind::ellipsis;
    };
    const auto ellipses = static_cast<std::size_t>(std::ranges::count_if(indices, is_ellipsis));
    if (ellipses > 1) refuse("a slice can have one ellipsis");
    const std::size_t given = indices.size() - ellipses;
    if (given > shape.size())
      refuse("the slice has " + std::to_string(given) + " dimensions, the tensor " +
             std::to_string(shape.size()));
    std::size_t dimension = 0;
    for (const Index& index : indices) {
      if (is_ellipsis(index)) {
        for (std::size_t whole = shape.size() - given; whole > 0; --whole)
          add(all, shape[dimension], dimension), ++dimension;
      } else {
        add(index, shape[dimension], dimension), ++dimension;
      }
    }
    for (; dimension < shape.size(); ++dimension) add(all, shape[dimension], dimension);
  }

  [[nodiscard]] const std::vector<Part>& get() const noexcept { return parts_; }

  [[noreturn]] void refuse(const std::string& reason) const {
    std::string shape;
    for (const std::uint64_t extent : subject_.shape)
      shape += (shape.empty() ? "" : ", ") + std::to_string(extent);
    throw Error({.code = Code::invalid_slice,
                 .reason = reason,
                 .advice = "The tensor's shape is [" + shape + "].",
                 .path = std::string(subject_.path),
                 .tensor = std::string(subject_.name)});
  }

 private:
  void add(const Index& index, std::uint64_t extent, std::size_t dimension) {
    if (index.kind() == Index::Kind::single)
      add_single(index.start().value_or(0), extent, dimension);
    else
      add_range(index, extent, dimension);
  }

  void add_single(std::int64_t position, std::uint64_t extent, std::size_t dimension) {
    const std::uint64_t from_end = magnitude(position);
    if (position < 0 ? from_end > extent : static_cast<std::uint64_t>(position) >= extent)
      refuse("position " + std::to_string(position) + " is outside dimension " +
             std::to_string(dimension) + " of extent " + std::to_string(extent));
    const std::uint64_t start =
        position < 0 ? extent - from_end : static_cast<std::uint64_t>(position);
    parts_.push_back({.start = start, .count = 1, .step = 1, .single = true});
  }

  void add_range(const Index& index, std::uint64_t extent, std::size_t dimension) {
    if (index.step() <= 0)
      refuse("step " + std::to_string(index.step()) + " in dimension " + std::to_string(dimension) +
             " is not positive");
    const std::uint64_t start = index.start() ? clip(*index.start(), extent) : 0;
    const std::uint64_t stop = index.stop() ? clip(*index.stop(), extent) : extent;
    const auto step = static_cast<std::uint64_t>(index.step());
    const std::uint64_t count = stop > start ? (stop - start - 1) / step + 1 : 0;
    parts_.push_back({.start = std::min(start, extent), .count = count, .step = step});
  }

  static std::uint64_t magnitude(std::int64_t position) noexcept {
    return position < 0 ? ~static_cast<std::uint64_t>(position) + 1
                        : static_cast<std::uint64_t>(position);
  }

  static std::uint64_t clip(std::int64_t position, std::uint64_t extent) noexcept {
    if (position >= 0) return std::min(static_cast<std::uint64_t>(position), extent);
    return magnitude(position) > extent ? 0 : extent - magnitude(position);
  }

  const Subject& subject_;
  std::vector<Part> parts_;
};

}  // namespace

Selection select(const Subject& subject, std::span<const Index> indices) {
  const Parts parts(subject, indices);
  Selection result;
  bool empty = false;
  for (const Part& part : parts.get()) {
    empty = empty || part.count == 0;
    if (!part.single) result.shape.push_back(part.count);
  }
  if (empty) return result;
  // From here on every extent is at least 1, so that no product exceeds the tensor's own size in
  // bits, which the header's check kept within 64 bits.
  const std::uint64_t bits = bits_of(subject.dtype);
  std::uint64_t stride = bits;  // of the dimension at hand
  std::uint64_t run = bits;     // contiguous from the first element on
  std::uint64_t offset = 0;
  bool run_open = true;  // all inner dimensions are whole, so this one lengthens the run
  bool whole_bytes = true;
  result.size = 1;
  for (std::size_t i = parts.get().size(); i-- > 0;) {
    const Part& part = parts.get()[i];
    offset += part.start * stride;
    result.size *= part.count;
    if (run_open && (part.step == 1 || part.count == 1)) {
      run *= part.count;
      run_open = part.count == subject.shape[i];
    } else {
      run_open = false;
      if (part.count > 1) {
        whole_bytes = whole_bytes && part.step * stride % 8 == 0;
        result.counts.push_back(part.count);
        result.strides.push_back(part.step * stride / 8);
      }
    }
    stride *= subject.shape[i];
  }
  if (!whole_bytes || offset % 8 != 0 || run % 8 != 0)
    parts.refuse("the part does not begin and end on whole bytes; an element of " +
                 std::string(to_string(subject.dtype)) + " has " + std::to_string(bits) + " bits");
  std::ranges::reverse(result.counts);
  std::ranges::reverse(result.strides);
  result.offset = offset / 8;
  result.run_bytes = run / 8;
  result.nbytes = result.run_bytes;
  for (const std::uint64_t count : result.counts) result.nbytes *= count;
  return result;
}

}  // namespace tensorhold::tensor
