#include "format/header/header.hpp"

namespace tensorhold::format {

NameTable Header::names() const noexcept {
  return {name_text_.data(), name_starts_.data(), dtypes_.size()};
}

std::size_t Header::size() const noexcept { return dtypes_.size(); }

std::string_view Header::name(std::size_t index) const noexcept { return names()[index]; }

Dtype Header::dtype(std::size_t index) const noexcept { return dtypes_[index]; }

std::span<const std::uint64_t> Header::shape(std::size_t index) const noexcept {
  return {extents_.data() + shape_starts_[index], shape_starts_[index + 1] - shape_starts_[index]};
}

std::uint64_t Header::begin(std::size_t index) const noexcept { return begins_[index]; }

std::uint64_t Header::end(std::size_t index) const noexcept { return begins_[index + 1]; }

std::optional<std::size_t> Header::find(std::string_view name) const noexcept {
  const auto number = index_.find(names(), name);
  if (!number) return std::nullopt;
  return *number;
}

std::span<const std::pair<std::string_view, std::string_view>> Header::metadata() const noexcept {
  return metadata_;
}

bool Header::has_metadata() const noexcept { return has_metadata_; }

std::uint64_t Header::trailing_bytes() const noexcept { return trailing_bytes_; }

std::uint64_t Header::data_bytes() const noexcept {
  return begins_.empty() ? 0 : begins_[begins_.size() - 1];
}

}  // namespace tensorhold::format
