#include "format/write/layout.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <optional>

#include "base/checked.hpp"
#include "format/header/name_index.hpp"
#include "format/json/emit.hpp"
#include "format/json/utf8.hpp"
#include "format/parse/header_builder.hpp"
#include "format/parse/parse.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::format {
namespace {

class LayoutMaker {
 public:
  LayoutMaker(std::span<const TensorSpec> tensors, const MetadataPairs* metadata,
              const LayoutOptions& options)
      : tensors_(tensors), metadata_(metadata), options_(options) {}

  Layout run() {
    if (!std::has_single_bit(options_.align) || options_.align < smallest_align ||
        options_.align > largest_align)
      refuse(Code::invalid_argument, "align is " + std::to_string(options_.align),
             "Use a power of two from 8 to 65536");
    for (const TensorSpec& tensor : tensors_) check(tensor);
    check_names();
    if (metadata_ != nullptr) check_metadata();
    place();
    write_header();
    return std::move(layout_);
  }

 private:
  void check(const TensorSpec& tensor) const {
    if (!is_utf8(tensor.name))
      refuse(Code::invalid_utf8, "the name of a tensor is not UTF-8",
             "Convert names to UTF-8 before saving");
    if (tensor.name == "__metadata__")
      refuse(Code::invalid_argument, "the format keeps the name __metadata__ for itself",
             "Give the tensor another name", tensor.name);
    const auto bits = bits_needed(tensor.dtype, tensor.shape);
    if (!bits)
      refuse(Code::shape_overflow, "the size of the shape does not fit in 64 bits",
             "Check the shape", tensor.name);
    if (*bits % 8 != 0)
      refuse(Code::partial_byte,
             "the shape needs " + std::to_string(*bits) + " bits, not whole bytes",
             "Pad the tensor to whole bytes", tensor.name);
    if (*bits / 8 != tensor.nbytes)
      refuse(Code::size_mismatch,
             "dtype and shape need " + std::to_string(*bits / 8) + " bytes, " +
                 std::to_string(tensor.nbytes) + " are given",
             "Pass the whole tensor, contiguous", tensor.name);
  }

  void check_names() const {
    std::size_t bytes = 0;
    for (const TensorSpec& tensor : tensors_) bytes += tensor.name.size();
    check_distinct(
        tensors_.size(), bytes, [this](std::size_t i) { return tensors_[i].name; },
        [this](std::string_view name) {
          refuse(Code::duplicate_name, "two tensors have this name",
                 "Give each tensor a name of its own", name);
        });
  }

  void check_metadata() const {
    std::size_t bytes = 0;
    for (const auto& [key, value] : *metadata_) {
      for (const std::string* text : {&key, &value})
        if (!is_utf8(*text))
          refuse(Code::invalid_utf8, "a key or value of the metadata is not UTF-8",
                 "Convert metadata to UTF-8 before saving");
      bytes += key.size();
    }
    check_distinct(
        metadata_->size(), bytes,
        [this](std::size_t i) { return std::string_view((*metadata_)[i].first); },
        [this](std::string_view key) {
          refuse(Code::duplicate_name,
                 "the key \"" + std::string(key) + "\" occurs twice in the metadata",
                 "Give each key once");
        });
  }

  template <class NameOf, class OnDuplicate>
  void check_distinct(std::size_t count, std::size_t bytes, const NameOf& name_of,
                      const OnDuplicate& on_duplicate) const {
    if (bytes > std::numeric_limits<std::uint32_t>::max() ||
        count > std::numeric_limits<std::uint32_t>::max() / 8)
      refuse_too_large();
    FlatArray<char> text(bytes);
    FlatArray<std::uint32_t> starts(count + 1);
    starts.push_back(0);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view name = name_of(i);
      text.append(name.data(), name.size());
      starts.push_back(static_cast<std::uint32_t>(text.size()));
    }
    NameIndex index;
    if (const auto duplicate = index.build({text.data(), starts.data(), count}))
      on_duplicate(name_of(*duplicate));
  }

  void place() {
    layout_.order.resize(tensors_.size());
    for (std::size_t i = 0; i < tensors_.size(); ++i) layout_.order[i].index = i;
    std::sort(layout_.order.begin(), layout_.order.end(), [this](const Placed& a, const Placed& b) {
      const TensorSpec& left = tensors_[a.index];
      const TensorSpec& right = tensors_[b.index];
      if (left.dtype != right.dtype) return left.dtype > right.dtype;
      return left.name < right.name;
    });
    std::uint64_t at = 0;
    for (Placed& placed : layout_.order) {
      placed.begin = at;
      placed.nbytes = tensors_[placed.index].nbytes;
      const auto end = base::checked_add(at, placed.nbytes);
      if (!end)
        refuse(Code::shape_overflow, "the sum of all tensors does not fit in 64 bits",
               "Save fewer tensors in one file", tensors_[placed.index].name);
      at = *end;
    }
    layout_.data_bytes = at;
  }

  void write_header() {
    std::string& out = layout_.prefix;
    out.assign(prefix_bytes, '\0');
    out += '{';
    if (metadata_ != nullptr) write_metadata(out);
    for (const Placed& placed : layout_.order) {
      const TensorSpec& tensor = tensors_[placed.index];
      if (out.back() != '{') out += ',';
      append_entry(out, tensor.name, tensor.dtype, tensor.shape, placed.begin,
                   placed.begin + placed.nbytes);
    }
    out += '}';
    pad(out);
    std::uint64_t length = out.size() - prefix_bytes;
    for (std::size_t i = 0; i < prefix_bytes; ++i, length >>= 8)
      out[i] = static_cast<char>(length & 0xff);
  }

  void write_metadata(std::string& out) const {
    out += "\"__metadata__\":{";
    bool first = true;
    for (const auto& [key, value] : *metadata_) {
      if (!std::exchange(first, false)) out += ',';
      append_json_string(out, key);
      out += ':';
      append_json_string(out, value);
    }
    out += '}';
  }

  void pad(std::string& out) const {
    auto total = base::checked_add(out.size(), options_.reserve_header);
    if (total) total = base::checked_align_up(*total, options_.align);
    if (!total || *total - prefix_bytes > options_.header_limit) refuse_too_large();
    out.resize(static_cast<std::size_t>(*total), ' ');
  }

  [[noreturn]] void refuse_too_large() const {
    refuse(Code::header_too_large,
           "the header would have more than " + std::to_string(options_.header_limit) + " bytes",
           "Save the tensors in several files, or with shorter names");
  }

  [[noreturn]] void refuse(Code code, std::string reason, const char* advice,
                           std::string_view tensor = {}) const {
    raise(Error({.code = code,
                 .reason = std::move(reason),
                 .advice = advice,
                 .path = options_.path,
                 .tensor = std::string(tensor)}));
  }

  std::span<const TensorSpec> tensors_;
  const MetadataPairs* metadata_;
  const LayoutOptions& options_;
  Layout layout_;
};

}  // namespace

Layout make_layout(std::span<const TensorSpec> tensors, const MetadataPairs* metadata,
                   const LayoutOptions& options) {
  return LayoutMaker(tensors, metadata, options).run();
}

}  // namespace tensorhold::format
