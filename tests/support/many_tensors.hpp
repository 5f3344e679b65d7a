// A file with many tensors, "t0", "t1", …, whose bytes are known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "support/scratch.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold::test {

class ManyTensors {
 public:
  /// `count` tensors of `words` U64 each; word i of the file's data is word(i).
  ManyTensors(std::size_t count, std::size_t words)
      : path_(folder_ / "many.safetensors"), words_(words) {
    std::vector<std::uint64_t> data(count * words);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = word(i);
    const std::vector<std::uint64_t> shape{words};
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.push_back(name(i));
    std::vector<SaveTensor> tensors;
    for (std::size_t i = 0; i < count; ++i)
      tensors.emplace_back(names[i], Dtype::u64, shape,
                           std::as_bytes(std::span(data).subspan(i * words, words)));
    save(path_, tensors, std::nullopt, {.align = 4096, .durable = false});
  }

  [[nodiscard]] static std::uint64_t word(std::size_t index) {
    return (index + 1) * 0x9E37'79B9'7F4A'7C15U;
  }
  /// Numbered with leading zeros, so that the order of names is the order in the file.
  [[nodiscard]] static std::string name(std::size_t index) {
    std::string digits = std::to_string(index);
    return "t" + std::string(8 - digits.size(), '0') + digits;
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] File open(Access access = Access::mapped) const {
    return tensorhold::open(path_, {.access = access});
  }
  /// The number of words of tensor `index` that differ from what was saved.
  [[nodiscard]] std::size_t wrong_words(const Tensor& tensor, std::size_t index) const {
    const std::span<const std::byte> bytes = tensor.bytes();
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < words_; ++i) {
      std::uint64_t seen = 0;
      std::memcpy(&seen, bytes.data() + i * 8, 8);
      wrong += seen != word(index * words_ + i) ? 1 : 0;
    }
    return wrong;
  }

 private:
  Scratch folder_;
  std::string path_;
  std::size_t words_;
};

/// False on Windows before 10 1803, and where no way to release in place is proven.
inline bool releases_here() {
  const ManyTensors made(1, 10);
  const File file = made.open();
  const Tensor tensor = file.at(0);
  const Result<Released> released = try_release(made.path());
  return released || released.error().code() != Code::release_unsupported;
}

}  // namespace tensorhold::test
