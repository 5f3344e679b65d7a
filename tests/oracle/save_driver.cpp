// Answers test_save.py: reads cases from standard input until it ends, saves each, writes one line
// a case: "ok", or "error" and the code.
//
// All numbers are little-endian, texts are a 32-bit length and bytes.
//   text:path u64:align u64:reserve_header
//   u32:tensors {text:name u8:dtype u8:rank u64*rank u64:nbytes bytes}
//   u32:pairs (0xffffffff: no metadata) {text:key text:value}
#include <array>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "tensorhold/save.hpp"

namespace {

namespace th = tensorhold;

template <class T>
bool read_number(T& value) {
  std::array<unsigned char, sizeof(T)> bytes;
  if (std::fread(bytes.data(), 1, bytes.size(), stdin) != bytes.size()) return false;
  value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = static_cast<T>(value * 256 + bytes[i]);
  return true;
}

bool read_bytes(void* to, std::uint64_t count) { return std::fread(to, 1, count, stdin) == count; }

bool read_text(std::string& text) {
  std::uint32_t length = 0;
  if (!read_number(length)) return false;
  text.resize(length);
  return read_bytes(text.data(), length);
}

struct Owned {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::vector<std::byte> bytes;
};

bool read_tensor(std::deque<Owned>& owned, std::vector<th::SaveTensor>& list) {
  Owned& tensor = owned.emplace_back();
  std::uint8_t dtype = 0;
  std::uint8_t rank = 0;
  std::uint64_t nbytes = 0;
  if (!read_text(tensor.name) || !read_number(dtype) || !read_number(rank)) return false;
  tensor.shape.resize(rank);
  for (std::uint64_t& extent : tensor.shape)
    if (!read_number(extent)) return false;
  if (!read_number(nbytes)) return false;
  tensor.bytes.resize(nbytes);
  list.emplace_back(tensor.name, static_cast<th::Dtype>(dtype), tensor.shape, tensor.bytes);
  return read_bytes(tensor.bytes.data(), nbytes);
}

bool read_metadata(std::optional<th::Metadata>& metadata) {
  constexpr std::uint32_t none = 0xffffffff;
  std::uint32_t pairs = 0;
  if (!read_number(pairs)) return false;
  if (pairs == none) return true;
  metadata.emplace(pairs);
  for (auto& [key, value] : *metadata)
    if (!read_text(key) || !read_text(value)) return false;
  return true;
}

// save and save_bytes must agree: both files are there for the test to compare.
void answer(const std::string& path, const std::vector<th::SaveTensor>& tensors,
            const std::optional<th::Metadata>& metadata, const th::SaveOptions& options) {
  const auto saved = th::try_save(path, tensors, metadata, options);
  if (!saved) {
    std::printf("error %s\n", std::string(to_string(saved.error().code())).c_str());
    return;
  }
  const std::vector<std::byte> bytes = th::save_bytes(tensors, metadata, options);
  std::FILE* const file = std::fopen((path + ".memory").c_str(), "wb");
  const bool wrote =
      file != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  if (file != nullptr) std::fclose(file);
  std::puts(wrote ? "ok" : "cannot write");
}

bool answer_one() {
  std::string path;
  th::SaveOptions options{.durable = false};
  std::uint32_t count = 0;
  if (!read_text(path) || !read_number(options.align) || !read_number(options.reserve_header) ||
      !read_number(count))
    return false;
  std::deque<Owned> owned;
  std::vector<th::SaveTensor> tensors;
  for (std::uint32_t i = 0; i < count; ++i)
    if (!read_tensor(owned, tensors)) return false;
  std::optional<th::Metadata> metadata;
  if (!read_metadata(metadata)) return false;
  answer(path, tensors, metadata, options);
  return true;
}

}  // namespace

int main() {
  while (answer_one()) {
  }
  return 0;
}
