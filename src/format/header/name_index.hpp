// Finds a name's number, and finds names that occur twice: an open-addressing table of 32-bit
// slots with a hash that nobody outside this process can predict.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "format/header/flat_array.hpp"

namespace tensorhold::format {

/// Names back to back: name i is text[starts[i], starts[i + 1]).
struct NameTable {
  const char* text = nullptr;
  const std::uint32_t* starts = nullptr;
  std::size_t count = 0;

  [[nodiscard]] std::string_view operator[](std::size_t index) const noexcept {
    return {text + starts[index], starts[index + 1] - starts[index]};
  }
};

class NameIndex {
 public:
  NameIndex() = default;

  /// Indexes all names. When two are equal, returns the number of the later one and leaves the
  /// index unusable. Fewer than 2^31 names.
  [[nodiscard]] std::optional<std::uint32_t> build(const NameTable& names);

  /// Number of `name` in the table given to build().
  [[nodiscard]] std::optional<std::uint32_t> find(const NameTable& names,
                                                  std::string_view name) const noexcept;

  using Seed = std::array<std::uint64_t, 4>;
  /// Keyed hash of a name; without the seed, equal values cannot be constructed.
  [[nodiscard]] static std::uint64_t hash(std::string_view name, const Seed& seed) noexcept;

 private:
  enum class Outcome { done, duplicate, crowded };
  Outcome fill(const NameTable& names, std::size_t max_probes, std::uint32_t& duplicate) noexcept;
  [[nodiscard]] std::size_t home(std::uint64_t hash) const noexcept;
  [[nodiscard]] std::uint32_t tag(std::uint64_t hash) const noexcept;

  FlatArray<std::uint32_t> slots_;  // 0: free; else tag in the high bits, number + 1 in the low
  std::uint32_t number_mask_ = 0;   // low bits that hold number + 1
  Seed seed_{};
};

}  // namespace tensorhold::format
