// What the soak writes into files. Every 32 bytes of a tensor say which write they are of, and
// where they belong, so that any reader can tell a right byte from a wrong one without asking
// anybody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tensorhold/tensorhold.hpp"

namespace tensorhold::soak {

/// A small generator whose numbers are the same on every system.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// Below `bound`, which is not 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

[[nodiscard]] std::uint64_t mix(std::uint64_t value);

/// Names one write of bytes, in the whole run: a save, or an overwrite of one tensor.
using Stamp = std::uint64_t;

enum class Size : std::uint8_t { tiny, medium, big, huge };

[[nodiscard]] Stamp make_stamp(Size size, bool overwrite, std::uint64_t writer,
                               std::uint64_t count);
[[nodiscard]] Size size_of(Stamp stamp);
[[nodiscard]] bool is_overwrite(Stamp stamp);

/// Files of one family may take each other's names.
///
/// steady: everybody saves, edits and overwrites them; they are always there, and the layout of
/// their tensors never changes. loose: everybody saves, edits, moves and removes them; each save
/// has a layout of its own, and nobody overwrites tensors. own: one thread has it alone, and knows
/// at any moment what is in it.
enum class Kind : std::uint8_t { steady, loose, own };

struct Family {
  Kind kind = Kind::own;
  std::uint16_t number = 0;
};

inline constexpr std::size_t most_tensors = 8;

/// Names, dtypes and shapes of a file's tensors.
[[nodiscard]] std::vector<TensorLayout> layout_of(Family family, Stamp generation);
[[nodiscard]] std::uint64_t bytes_of(const TensorLayout& tensor);

inline constexpr std::size_t unit_bytes = 32;

/// A place in a file: which family, which tensor.
struct Spot {
  Family family;
  std::size_t tensor = 0;
};

/// The bytes from `offset` of a tensor on, as the write `stamp` leaves them.
void fill(std::span<std::byte> out, Spot spot, Stamp stamp, std::uint64_t offset = 0);

/// What is wrong with bytes that the write `stamp` left, or nothing.
[[nodiscard]] std::optional<std::string> compare(std::span<const std::byte> bytes, Spot spot,
                                                 Stamp stamp, std::uint64_t offset = 0);

/// What is wrong with bytes, from a unit's beginning, that the save `generation` wrote, or any
/// overwrite since. `torn`: the units may be of several writes, because others may be overwriting
/// the tensor at this moment; of a few, the parts too.
[[nodiscard]] std::optional<std::string> compare_any(std::span<const std::byte> bytes, Spot spot,
                                                     Stamp generation, bool torn,
                                                     std::uint64_t offset = 0);

/// A text for the metadata that nobody can mistake when it is half another.
[[nodiscard]] std::string edit_text(Stamp stamp, std::uint32_t length);

/// The save that a header says it is of, and its edit; nothing where it is a mix.
struct HeaderSays {
  Stamp generation = 0;
  Stamp edit = 0;
  std::uint32_t edit_length = 0;
};
[[nodiscard]] Metadata metadata_of(Family family, const HeaderSays& says);
[[nodiscard]] std::optional<HeaderSays> parse_metadata(Family family, const File& file);

}  // namespace tensorhold::soak
