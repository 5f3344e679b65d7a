#include "format/parse/header_builder.hpp"

#include <algorithm>
#include <utility>

#include "base/checked.hpp"

namespace tensorhold::format {
namespace {

/// No entry is shorter, in any spelling: `"":{"dtype":"U8","shape":[],"data_offsets":[0,1]}`.
constexpr std::size_t shortest_entry = 48;

}  // namespace

HeaderBuilder::HeaderBuilder(std::size_t header_bytes) {
  const std::size_t most = header_bytes / shortest_entry + 1;
  header_.begins_ = FlatArray<std::uint64_t>(most + 1);
  header_.shape_starts_ = FlatArray<std::uint32_t>(most + 1);
  header_.name_starts_ = FlatArray<std::uint32_t>(most + 1);
  header_.dtypes_ = FlatArray<Dtype>(most);
  header_.extents_ = FlatArray<std::uint64_t>(most);
  header_.name_text_ = FlatArray<char>(header_bytes / 2);
  header_.shape_starts_.push_back(0);
  header_.name_starts_.push_back(0);
}

void HeaderBuilder::add_metadata(std::string_view key, std::string_view value) {
  for (const std::string_view text : {key, value}) {
    metadata_starts_.push_back(static_cast<std::uint32_t>(header_.metadata_text_.size()));
    header_.metadata_text_.append(text.data(), text.size());
  }
}

std::optional<Fault> HeaderBuilder::sort_by_offset() {
  struct Place {
    std::uint64_t begin;
    std::uint64_t end;
    std::uint32_t number;
  };
  auto places = FlatArray<Place>::uninitialized(size());
  for (std::uint32_t i = 0; i < places.size(); ++i) {
    // The sum is the end that add_tensor() saw.
    const std::uint64_t bytes = *bits_needed(header_.dtypes_[i], header_.shape(i)) / 8;
    places[i] = {header_.begins_[i], header_.begins_[i] + bytes, i};
  }
  std::sort(places.data(), places.data() + places.size(), [](const Place& a, const Place& b) {
    if (a.begin != b.begin) return a.begin < b.begin;
    if (a.end != b.end) return a.end < b.end;
    return a.number < b.number;
  });
  std::uint64_t expected = 0;
  for (const Place& place : places.view()) {
    if (place.begin != expected)
      return Fault{Code::invalid_offsets, place.number, expected, place.begin};
    expected = place.end;
  }
  data_end_ = expected;
  auto order = FlatArray<std::uint32_t>::uninitialized(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) order[i] = places[i].number;
  places = {};
  reorder(order);
  return std::nullopt;
}

void HeaderBuilder::reorder(const FlatArray<std::uint32_t>& order) {
  const std::size_t count = order.size();
  FlatArray<std::uint64_t> begins(count + 1);
  FlatArray<Dtype> dtypes(count);
  FlatArray<std::uint64_t> extents(header_.extents_.size());
  FlatArray<std::uint32_t> shape_starts(count + 1);
  FlatArray<char> name_text(header_.name_text_.size());
  FlatArray<std::uint32_t> name_starts(count + 1);
  shape_starts.push_back(0);
  name_starts.push_back(0);
  for (const std::uint32_t number : order.view()) {
    begins.push_back(header_.begins_[number]);
    dtypes.push_back(header_.dtypes_[number]);
    const auto shape = header_.shape(number);
    extents.append(shape.data(), shape.size());
    shape_starts.push_back(static_cast<std::uint32_t>(extents.size()));
    const auto name = header_.name(number);
    name_text.append(name.data(), name.size());
    name_starts.push_back(static_cast<std::uint32_t>(name_text.size()));
  }
  header_.begins_ = std::move(begins);
  header_.dtypes_ = std::move(dtypes);
  header_.extents_ = std::move(extents);
  header_.shape_starts_ = std::move(shape_starts);
  header_.name_text_ = std::move(name_text);
  header_.name_starts_ = std::move(name_starts);
}

std::optional<Fault> HeaderBuilder::finish_metadata() {
  header_.metadata_text_.shrink();
  metadata_starts_.push_back(static_cast<std::uint32_t>(header_.metadata_text_.size()));
  const NameTable texts{header_.metadata_text_.data(), metadata_starts_.data(),
                        metadata_starts_.size() - 1};
  const std::size_t pairs = texts.count / 2;
  FlatArray<char> keys;
  FlatArray<std::uint32_t> key_starts(pairs + 1);
  key_starts.push_back(0);
  header_.metadata_.reserve(pairs);
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::string_view key = texts[2 * i];
    header_.metadata_.emplace_back(key, texts[2 * i + 1]);
    keys.append(key.data(), key.size());
    key_starts.push_back(static_cast<std::uint32_t>(keys.size()));
  }
  NameIndex index;
  const auto duplicate = index.build({keys.data(), key_starts.data(), pairs});
  if (duplicate)
    return Fault{.code = Code::duplicate_name, .tensor = *duplicate, .in_metadata = true};
  metadata_starts_ = {};
  return std::nullopt;
}

std::optional<Fault> HeaderBuilder::finish(std::uint64_t data_bytes, bool lenient) {
  header_.extents_.shrink();
  header_.name_text_.shrink();
  // Names first: an offset that two entries of one name share would read as an overlap.
  const auto duplicate = header_.index_.build(header_.names());
  if (duplicate) return Fault{Code::duplicate_name, *duplicate};
  if (const auto fault = finish_metadata()) return fault;
  if (!in_order_) {
    if (const auto fault = sort_by_offset()) return fault;
    // The numbers have changed; the names are known to differ.
    (void)header_.index_.build(header_.names());
  }
  if (data_end_ > data_bytes) {
    const auto* first_cut =
        std::upper_bound(header_.begins_.data(), header_.begins_.data() + size(), data_bytes);
    const auto number = static_cast<std::uint32_t>(first_cut - header_.begins_.data()) - 1;
    return Fault{Code::data_truncated, number, data_end_, data_bytes};
  }
  if (data_end_ < data_bytes && !lenient)
    return Fault{Code::trailing_bytes, 0, data_end_, data_bytes};
  header_.trailing_bytes_ = data_bytes - data_end_;
  header_.begins_.push_back(data_end_);
  header_.begins_.shrink();
  header_.shape_starts_.shrink();
  header_.name_starts_.shrink();
  header_.dtypes_.shrink();
  return std::nullopt;
}

}  // namespace tensorhold::format
