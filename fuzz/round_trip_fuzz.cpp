// Tensors made from the input are laid out, parsed and laid out again; a header that is accepted is
// written and read again. Nothing may get lost or change.
#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "format/parse/parse.hpp"
#include "format/write/layout.hpp"
#include "tensorhold/error.hpp"

namespace {

namespace format = tensorhold::format;
using tensorhold::Dtype;
using tensorhold::Error;
using tensorhold::fuzz::check;

/// Takes values from the input until it is used up; zeros follow.
class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  unsigned byte() { return static_cast<unsigned char>(text(1).append(1, '\0')[0]); }
  std::string text(std::size_t length) {
    const std::string taken(bytes_.substr(0, length));
    bytes_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view bytes_;
};

struct Tensor {
  std::string name;
  Dtype dtype = Dtype::u8;
  std::vector<std::uint64_t> shape;
  std::uint64_t nbytes = 0;
};

Tensor read_tensor(Input& in) {
  Tensor tensor;
  tensor.name = in.text(in.byte() % 24);
  tensor.dtype = static_cast<Dtype>(in.byte() % tensorhold::dtype_count);
  tensor.shape.resize(in.byte() % 5);
  std::uint64_t bits = bits_of(tensor.dtype);
  for (auto& extent : tensor.shape) {
    extent = in.byte();
    bits *= extent;
  }
  tensor.nbytes = bits / 8;
  return tensor;
}

std::vector<format::TensorSpec> specs_of(const std::vector<Tensor>& tensors) {
  std::vector<format::TensorSpec> specs;
  for (const Tensor& tensor : tensors)
    specs.push_back({tensor.name, tensor.dtype, tensor.shape, tensor.nbytes});
  return specs;
}

format::Header parse(const format::Layout& layout) {
  return format::parse(std::string_view(layout.prefix).substr(format::prefix_bytes),
                       layout.prefix.size() + layout.data_bytes, {});
}

/// Lays out again what a header says.
format::Layout write_again(const format::Header& header, const format::LayoutOptions& options) {
  std::vector<format::TensorSpec> specs;
  for (std::size_t i = 0; i < header.size(); ++i)
    specs.push_back(
        {header.name(i), header.dtype(i), header.shape(i), header.end(i) - header.begin(i)});
  format::MetadataPairs metadata;
  for (const auto& [key, value] : header.metadata()) metadata.emplace_back(key, value);
  return format::make_layout(specs, header.has_metadata() ? &metadata : nullptr, options);
}

void write_and_read(Input in) {
  format::MetadataPairs metadata;
  const unsigned pairs = in.byte() % 5;  // 4: none at all
  for (unsigned i = 0; i < pairs % 4; ++i) {
    std::string key = in.text(in.byte() % 16);
    metadata.emplace_back(std::move(key), in.text(in.byte() % 16));
  }
  const format::LayoutOptions options{.align = std::uint64_t{8} << in.byte() % 4,
                                      .reserve_header = in.byte()};
  std::vector<Tensor> tensors;
  while (!in.empty() && tensors.size() < 64) tensors.push_back(read_tensor(in));
  const auto specs = specs_of(tensors);
  format::Layout layout;
  try {
    layout = format::make_layout(specs, pairs == 4 ? nullptr : &metadata, options);
  } catch (const Error&) {
    return;
  }
  const auto header = parse(layout);
  tensorhold::fuzz::check_sound(header);
  check(header.size() == tensors.size(), "no tensor is lost");
  for (std::size_t i = 0; i < header.size(); ++i) {
    const Tensor& tensor = tensors[layout.order[i].index];
    check(header.name(i) == tensor.name && header.dtype(i) == tensor.dtype &&
              std::ranges::equal(header.shape(i), tensor.shape) &&
              header.begin(i) == layout.order[i].begin,
          "a tensor comes back as it was");
  }
  check(header.has_metadata() == (pairs != 4) && header.metadata().size() == pairs % 4,
        "metadata comes back");
  for (std::size_t i = 0; i < pairs % 4; ++i)
    check(header.metadata()[i].first == metadata[i].first &&
              header.metadata()[i].second == metadata[i].second,
          "metadata comes back in its order");
  check(write_again(header, options).prefix == layout.prefix, "written again, the same bytes");
}

void read_and_write(std::string_view text) {
  try {
    const auto probe = format::parse(text, std::uint64_t{1} << 40, {.lenient = true});
    const auto layout = write_again(probe, {});
    const auto again = parse(layout);
    check(again.size() == probe.size() && again.data_bytes() == probe.data_bytes(),
          "no tensor is lost");
    for (std::size_t i = 0; i < again.size(); ++i) {
      const auto old = probe.find(again.name(i));
      check(old && probe.dtype(*old) == again.dtype(i) &&
                std::ranges::equal(probe.shape(*old), again.shape(i)),
            "a tensor comes back as it was");
    }
    check(std::ranges::equal(again.metadata(), probe.metadata()), "metadata comes back");
  } catch (const Error&) {
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.starts_with('{'))
    read_and_write(bytes);
  else
    write_and_read(Input(bytes));
  return 0;
}
