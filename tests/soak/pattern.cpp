#include "pattern.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <set>
#include <string_view>

namespace tensorhold::soak {
namespace {

using Unit = std::array<std::uint64_t, unit_bytes / 8>;

Unit unit_at(Spot spot, Stamp stamp, std::uint64_t index) {
  const std::uint64_t place = (std::uint64_t{spot.family.number} << 48) |
                              (std::uint64_t{spot.tensor} << 40) | (index & 0xff'ffff'ffff);
  const std::uint64_t seal = mix(stamp ^ mix(place));
  return {stamp, place, seal, seal * 0x9e3779b97f4a7c15ULL + 1};
}

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    std::array<char, 4> digits{};
    (void)std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned>(byte));
    text += digits.data();
  }
  return text;
}

std::string at_unit(Spot spot, std::uint64_t index, std::span<const std::byte> found) {
  const bool zeros =
      std::ranges::all_of(found, [](std::byte byte) { return byte == std::byte{0}; });
  return "tensor " + std::to_string(spot.tensor) + ", byte " + std::to_string(index * unit_bytes) +
         (zeros ? ": zeros" : ": found " + hex(found));
}

std::uint64_t number(std::string_view text, int base) {
  std::uint64_t value = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

std::string hex(std::uint64_t value) {
  std::array<char, 17> digits{};
  (void)std::snprintf(digits.data(), digits.size(), "%016llx",
                      static_cast<unsigned long long>(value));
  return digits.data();
}

}  // namespace

std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

std::uint64_t Random::next() { return mix(state_ += 0x9e3779b97f4a7c15ULL); }

Stamp make_stamp(Size size, bool overwrite, std::uint64_t writer, std::uint64_t count) {
  return (std::uint64_t{overwrite} << 63) | (static_cast<std::uint64_t>(size) << 60) |
         ((writer & 0xffff) << 44) | (count & 0xfff'ffff'ffff);
}

Size size_of(Stamp stamp) { return static_cast<Size>((stamp >> 60) & 3); }
bool is_overwrite(Stamp stamp) { return (stamp >> 63) != 0; }

std::vector<TensorLayout> layout_of(Family family, Stamp generation) {
  const bool steady = family.kind == Kind::steady;
  Random random(steady ? family.number : mix(generation));
  const Size size = steady ? static_cast<Size>(family.number % 3) : size_of(generation);
  constexpr std::array<std::uint64_t, 4> most{2'000, 200'000, 2'000'000, 16'000'000};
  constexpr std::array dtypes{Dtype::u8,  Dtype::f16,  Dtype::f32,
                              Dtype::i64, Dtype::bf16, Dtype::i8};
  const std::uint64_t limit = most.at(static_cast<std::size_t>(size));
  std::vector<TensorLayout> list;
  const std::size_t count = 1 + random.below(size == Size::huge ? 4 : most_tensors);
  for (std::size_t i = 0; i < count; ++i) {
    TensorLayout& tensor = list.emplace_back();
    tensor.name = "layer." + std::to_string(i) + ".weight";
    tensor.dtype = dtypes.at(random.below(dtypes.size()));
    const std::uint64_t item = bits_of(tensor.dtype) / 8;
    if (steady) {
      // Whole units, so that no unit lies in two pages where the data begins at a multiple of 64.
      const std::uint64_t columns = 64 * (1 + random.below(8)) / item;
      tensor.shape = {1 + random.below(limit / (columns * item) + 1), columns};
    } else if (random.one_in(12)) {
      tensor.shape =
          random.one_in(2) ? std::vector<std::uint64_t>{} : std::vector<std::uint64_t>{3, 0, 2};
    } else {
      const std::uint64_t columns = 1 + random.below(700);
      tensor.shape = {1 + random.below(limit / (columns * item) + 1), columns};
    }
  }
  return list;
}

std::uint64_t bytes_of(const TensorLayout& tensor) {
  std::uint64_t bytes = bits_of(tensor.dtype) / 8;
  for (const std::uint64_t extent : tensor.shape) bytes *= extent;
  return bytes;
}

void fill(std::span<std::byte> out, Spot spot, Stamp stamp, std::uint64_t offset) {
  for (std::size_t done = 0; done < out.size();) {
    const std::uint64_t at = offset + done;
    const Unit unit = unit_at(spot, stamp, at / unit_bytes);
    const std::size_t skip = at % unit_bytes;
    const std::size_t part = std::min(out.size() - done, unit_bytes - skip);
    std::memcpy(out.data() + done, std::as_bytes(std::span(unit)).data() + skip, part);
    done += part;
  }
}

std::optional<std::string> compare(std::span<const std::byte> bytes, Spot spot, Stamp stamp,
                                   std::uint64_t offset) {
  for (std::size_t done = 0; done < bytes.size();) {
    const std::uint64_t at = offset + done;
    const Unit unit = unit_at(spot, stamp, at / unit_bytes);
    const std::size_t skip = at % unit_bytes;
    const std::size_t part = std::min(bytes.size() - done, unit_bytes - skip);
    if (std::memcmp(bytes.data() + done, std::as_bytes(std::span(unit)).data() + skip, part) != 0)
      return at_unit(spot, at / unit_bytes, bytes.subspan(done, part)) + ", expected " +
             hex(std::as_bytes(std::span(unit)).subspan(skip, part));
    done += part;
  }
  return std::nullopt;
}

std::optional<std::string> compare_any(std::span<const std::byte> bytes, Spot spot,
                                       Stamp generation, bool torn, std::uint64_t offset) {
  // One writer at a time has the lock; one that was killed may have left a torn unit as well.
  constexpr int most_torn = 3;
  int torn_ones = 0;
  std::set<Stamp> seen;
  for (std::size_t done = 0; done + unit_bytes <= bytes.size(); done += unit_bytes) {
    Unit found{};
    std::memcpy(found.data(), bytes.data() + done, unit_bytes);
    const std::uint64_t index = (offset + done) / unit_bytes;
    const Unit right = unit_at(spot, found[0], index);
    const bool known = is_overwrite(found[0]) || found[0] == generation;
    if (known && found == right) {
      if (seen.insert(found[0]).second && seen.size() > 1 && !torn)
        return at_unit(spot, index, bytes.subspan(done, unit_bytes)) + ", of another write than " +
               hex(*seen.begin());
      continue;
    }
    // Whatever two writes a unit is of, both have the same place in it.
    if (!torn || found[1] != right[1] || ++torn_ones > most_torn)
      return at_unit(spot, index, bytes.subspan(done, unit_bytes)) + ", of save " + hex(generation);
  }
  return std::nullopt;
}

std::string edit_text(Stamp stamp, std::uint32_t length) {
  std::string text = hex(stamp) + ":" + std::to_string(length) + ":";
  Random random(stamp);
  std::uint64_t letters = 0;
  for (std::uint32_t i = 0; i < length; ++i, letters /= 26) {
    if (i % 8 == 0) letters = random.next();
    text += static_cast<char>('a' + letters % 26);
  }
  return text;
}

Metadata metadata_of(Family family, const HeaderSays& says) {
  return {{"family", std::to_string(family.number)},
          {"generation", hex(says.generation)},
          {"edit", edit_text(says.edit, says.edit_length)}};
}

std::optional<HeaderSays> parse_metadata(Family family, const File& file) {
  const auto generation = file.metadata("generation");
  const auto edit = file.metadata("edit");
  if (file.metadata("family") != std::to_string(family.number) || !generation || !edit ||
      generation->size() != 16 || edit->size() < 18)
    return std::nullopt;
  HeaderSays says{.generation = number(*generation, 16), .edit = number(edit->substr(0, 16), 16)};
  says.edit_length = static_cast<std::uint32_t>(number(edit->substr(17), 10));
  if (says.edit_length > edit->size() || edit_text(says.edit, says.edit_length) != *edit)
    return std::nullopt;
  return says;
}

}  // namespace tensorhold::soak
