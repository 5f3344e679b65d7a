// Tensors to save, made from nothing but a seed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "tensorhold/save.hpp"

namespace tensorhold::test {

/// Owns names, shapes and bytes of the tensors that it lists.
class Tensors {
 public:
  void add(std::string name, Dtype dtype, std::vector<std::uint64_t> shape, std::uint8_t seed) {
    std::uint64_t bits = bits_of(dtype);
    for (const std::uint64_t extent : shape) bits *= extent;
    Owned& owned = owned_.emplace_back();
    owned.name = std::move(name);
    owned.shape = std::move(shape);
    owned.bytes.resize(static_cast<std::size_t>(bits / 8));
    fill(owned.bytes, seed);
    list_.emplace_back(owned.name, dtype, owned.shape, owned.bytes);
  }
  [[nodiscard]] const std::vector<SaveTensor>& list() const { return list_; }

 private:
  struct Owned {
    std::string name;
    std::vector<std::uint64_t> shape;
    std::vector<std::byte> bytes;
  };

  /// Copies what repeats: byte for byte takes sanitizers minutes.
  static void fill(std::span<std::byte> bytes, std::uint8_t seed) {
    constexpr std::size_t period = 251 * 256;
    for (std::size_t i = 0; i < std::min(bytes.size(), period); ++i)
      bytes[i] = static_cast<std::byte>(seed + i * 31 + i / 251);
    for (std::size_t done = period; done < bytes.size();) {
      const std::size_t count = std::min(done, bytes.size() - done);
      std::memcpy(bytes.data() + done, bytes.data(), count);
      done += count;
    }
  }

  std::deque<Owned> owned_;  // never moves what is in it
  std::vector<SaveTensor> list_;
};

/// In one call, which sanitizers look at as a whole; std::ranges::equal goes byte by byte.
inline bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

/// A few tensors: a scalar, an empty one, small ones and one of `large` bytes.
inline Tensors some_tensors(std::uint8_t seed, std::uint64_t large = 100'000) {
  Tensors tensors;
  tensors.add("scalar", Dtype::f64, {}, seed);
  tensors.add("empty", Dtype::i32, {3, 0, 2}, seed);
  tensors.add("weight", Dtype::f32, {5, 7}, seed);
  tensors.add("packed", Dtype::f4, {2, 3}, seed);
  tensors.add("large", Dtype::u8, {large}, seed);
  return tensors;
}

}  // namespace tensorhold::test
