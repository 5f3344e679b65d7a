#include "io/save_stream.hpp"

#include <algorithm>

#include "base/endian.hpp"

namespace tensorhold::io {
namespace {

constexpr std::size_t parts_limit = 512;
constexpr std::uint64_t bytes_limit = std::uint64_t{64} << 20;
constexpr std::size_t staging_bytes = std::size_t{1} << 20;  // whole elements of every dtype

}  // namespace

void SaveStream::append(std::span<const std::byte> part) {
  if (part.empty()) return;
  parts_.push_back(part);
  gathered_ += part.size();
  if (parts_.size() >= parts_limit || gathered_ >= bytes_limit) flush();
}

void SaveStream::append(Dtype dtype, std::span<const std::byte> elements) {
  if (base::same_order(dtype))
    append(elements);
  else
    append_swapped(dtype, elements);
}

void SaveStream::append_swapped(Dtype dtype, std::span<const std::byte> elements) {
  flush();  // the staging buffer holds one part at a time
  staging_.resize(std::min(elements.size(), staging_bytes));
  while (!elements.empty()) {
    const auto part = elements.first(std::min(elements.size(), staging_bytes));
    const auto staged = std::span(staging_).first(part.size());
    std::ranges::copy(part, staged.begin());
    base::swap_elements(dtype, staged);
    append(std::span<const std::byte>(staged));
    flush();
    elements = elements.subspan(part.size());
  }
}

void SaveStream::flush() {
  if (parts_.empty()) return;
  temporary_.write_at(written_, parts_);
  written_ += gathered_;
  gathered_ = 0;
  parts_.clear();
}

}  // namespace tensorhold::io
