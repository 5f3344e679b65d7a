// Answers test_headers.py: reads cases from standard input until it ends, writes one line a case.
//
// All numbers are little-endian, texts are a 32-bit length and bytes.
//   'P' text:header u64:file_bytes           parse: what the header says, or the error
//   'L' u32:tensors {text:name u8:dtype u8:rank u64*rank u64:nbytes}
//       u32:pairs (0xffffffff: no metadata) {text:key text:value}   layout: prefix and order
#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/parse/canonical.hpp"
#include "format/parse/parse.hpp"
#include "format/write/layout.hpp"
#include "tensorhold/error.hpp"

namespace {

namespace format = tensorhold::format;

template <class T>
bool read_number(T& value) {
  std::array<unsigned char, sizeof(T)> bytes;
  if (std::fread(bytes.data(), 1, bytes.size(), stdin) != bytes.size()) return false;
  value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = static_cast<T>(value * 256 + bytes[i]);
  return true;
}

bool read_text(std::string& text) {
  std::uint32_t length = 0;
  if (!read_number(length)) return false;
  text.resize(length);
  return std::fread(text.data(), 1, length, stdin) == length;
}

std::string hex(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "x";
  for (const char c : text) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 0xf];
  }
  return out;
}

void print_error(const tensorhold::Error& error) {
  std::printf("error %s %s %s\n", std::string(to_string(error.code())).c_str(),
              error.offset() ? std::to_string(*error.offset()).c_str() : "-",
              hex(error.tensor()).c_str());
}

/// ok, whether the fast path took it, metadata, then each tensor in offset order.
void print_header(const format::Header& header, bool canonical) {
  std::string line = canonical ? "ok canonical " : "ok general ";
  line += header.has_metadata() ? "m" : "-";
  for (const auto& [key, value] : header.metadata()) line += "," + hex(key) + "=" + hex(value);
  for (std::size_t i = 0; i < header.size(); ++i) {
    line += " " + hex(header.name(i)) + ":" + std::string(to_string(header.dtype(i))) + ":";
    for (const auto extent : header.shape(i)) line += std::to_string(extent) + ",";
    line += ":" + std::to_string(header.begin(i)) + ":" + std::to_string(header.end(i));
    if (header.find(header.name(i)) != i) line += ":lost";
  }
  std::puts(line.c_str());
}

bool answer_parse() {
  std::string text;
  std::uint64_t file_bytes = 0;
  if (!read_text(text) || !read_number(file_bytes)) return false;
  const format::ParseOptions options;
  try {
    const auto header = format::parse(text, file_bytes, options);
    print_header(header, format::parse_canonical(text, file_bytes, options).has_value());
  } catch (const tensorhold::Error& error) {
    print_error(error);
  }
  return true;
}

struct Tensor {
  std::string name;
  std::vector<std::uint64_t> shape;
};

bool answer_layout() {
  std::uint32_t count = 0;
  if (!read_number(count)) return false;
  std::vector<Tensor> tensors(count);
  std::vector<format::TensorSpec> specs;
  for (Tensor& tensor : tensors) {
    std::uint8_t dtype = 0;
    std::uint8_t rank = 0;
    if (!read_text(tensor.name) || !read_number(dtype) || !read_number(rank)) return false;
    tensor.shape.resize(rank);
    for (auto& extent : tensor.shape)
      if (!read_number(extent)) return false;
    std::uint64_t nbytes = 0;
    if (!read_number(nbytes)) return false;
    specs.push_back({tensor.name, static_cast<tensorhold::Dtype>(dtype), tensor.shape, nbytes});
  }
  std::uint32_t pairs = 0;
  if (!read_number(pairs)) return false;
  std::optional<format::MetadataPairs> metadata;
  if (pairs != 0xffffffff) {
    metadata.emplace(pairs);
    for (auto& [key, value] : *metadata)
      if (!read_text(key) || !read_text(value)) return false;
  }
  try {
    const auto layout = format::make_layout(specs, metadata ? &*metadata : nullptr);
    std::string line = "layout " + hex(layout.prefix);
    for (const auto& placed : layout.order) line += " " + std::to_string(placed.index);
    std::puts(line.c_str());
  } catch (const tensorhold::Error& error) {
    print_error(error);
  }
  return true;
}

}  // namespace

int main() {
  for (int kind; (kind = std::getc(stdin)) != EOF;) {
    const bool good = kind == 'P' ? answer_parse() : kind == 'L' && answer_layout();
    if (!good) {
      std::fputs("header_verdict: malformed case\n", stderr);
      return 2;
    }
    std::fflush(stdout);
  }
  return 0;
}
