#include "format/canonical.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/checked.hpp"
#include "format/header_builder.hpp"
#include "format/swar.hpp"

namespace tensorhold::format {
namespace {

/// Finds a dtype by the eight bytes after its opening quote, without a comparison a dtype: a
/// multiplier that sends all 22 to different slots is searched when this is compiled.
class DtypeTable {
 public:
  constexpr DtypeTable() {
    while (!fill()) multiplier_ = multiplier_ * 6364136223846793005 + 1442695040888963407;
  }

  /// The only dtype that can stand there; the caller compares its name.
  [[nodiscard]] constexpr Dtype candidate(std::uint64_t word) const noexcept {
    return static_cast<Dtype>(slots_[slot(word)]);
  }

 private:
  static constexpr unsigned slot_bits = 6;

  /// Only the characters before the closing quote count.
  [[nodiscard]] constexpr std::size_t slot(std::uint64_t word) const noexcept {
    const std::uint64_t quote = word ^ swar::ones * '"';
    const std::size_t length = swar::first_mark((quote - swar::ones) & ~quote & swar::high_bits);
    if (length < 8) word &= (std::uint64_t{1} << (8 * length)) - 1;
    return static_cast<std::size_t>(word * multiplier_ >> (64 - slot_bits));
  }

  constexpr bool fill() {
    std::array<bool, std::size_t{1} << slot_bits> taken{};
    for (std::size_t i = 0; i < dtype_count; ++i) {
      std::uint64_t word = 0;
      const std::string_view name = detail::dtype_rows[i].name;
      for (std::size_t byte = 0; byte < std::min<std::size_t>(name.size(), 8); ++byte)
        word |= std::uint64_t{static_cast<unsigned char>(name[byte])} << (8 * byte);
      if (name.size() < 8) word |= std::uint64_t{'"'} << (8 * name.size());
      const std::size_t at = slot(word);
      if (taken[at]) return false;
      taken[at] = true;
      slots_[at] = static_cast<std::uint8_t>(i);
    }
    return true;
  }

  std::uint64_t multiplier_ = 1;
  std::array<std::uint8_t, std::size_t{1} << slot_bits> slots_{};
};

constexpr DtypeTable dtype_table;

class CanonicalParser {
 public:
  explicit CanonicalParser(std::string_view header)
      : at_(header.data()), end_(header.data() + header.size()), builder_(header.size()) {}

  std::optional<Header> run(std::uint64_t data_bytes, bool lenient) {
    if (!top() || builder_.finish(data_bytes, lenient)) return std::nullopt;
    return builder_.take();
  }

 private:
  bool top() {
    if (!accept("{")) return false;
    if (!accept("}")) {
      do {
        if (!member()) return false;
      } while (accept(","));
      if (!accept("}")) return false;
    }
    return std::all_of(at_, end_, [](char c) { return c == ' '; });
  }

  bool member() {
    std::string_view name;
    if (!string(name) || !accept(":")) return false;
    if (name == "__metadata__") return metadata();
    return entry(name);
  }

  bool entry(std::string_view name) {
    Dtype dtype;
    std::uint64_t begin;
    std::uint64_t end;
    bool good;
    if (accept("{\"dtype\":\""))
      good = this->dtype(dtype) && accept(",\"shape\":[") && shape() &&
             accept(",\"data_offsets\":[") && offsets(begin, end) && accept("}");
    else
      good = accept("{\"data_offsets\":[") && offsets(begin, end) && accept(",\"dtype\":\"") &&
             this->dtype(dtype) && accept(",\"shape\":[") && shape() && accept("}");
    return good && !builder_.add_tensor(name, dtype, begin, end);
  }

  bool metadata() {
    if (std::exchange(has_metadata_, true)) return false;
    if (accept("null")) return true;
    if (!accept("{")) return false;
    builder_.begin_metadata();
    if (accept("}")) return true;
    do {
      std::string_view key;
      std::string_view value;
      if (!string(key) || !accept(":") || !string(value)) return false;
      builder_.add_metadata(key, value);
    } while (accept(","));
    return accept("}");
  }

  /// A literal text; nothing is consumed when something else stands there.
  template <std::size_t Size>
  bool accept(const char (&text)[Size]) noexcept {
    constexpr std::size_t length = Size - 1;
    if (left() < length || std::memcmp(at_, text, length) != 0) return false;
    at_ += length;
    return true;
  }

  /// A string without escapes, as a view of the header.
  bool string(std::string_view& value) noexcept {
    if (!accept("\"")) return false;
    const char* const start = at_;
    for (;; at_ += 8) {
      const std::uint64_t marks = swar::string_ends(load());
      if (marks == 0) continue;
      at_ += swar::first_mark(marks);
      break;
    }
    if (at_ >= end_ || *at_ != '"') return false;
    value = {start, static_cast<std::size_t>(at_ - start)};
    ++at_;
    return true;
  }

  /// The rest of a dtype's string after its opening quote.
  bool dtype(Dtype& value) noexcept {
    value = dtype_table.candidate(load());
    const std::string_view name = to_string(value);
    if (left() <= name.size() || std::memcmp(at_, name.data(), name.size()) != 0 ||
        at_[name.size()] != '"')
      return false;
    at_ += name.size() + 1;
    return true;
  }

  /// The rest of a shape after its opening bracket.
  bool shape() {
    if (accept("]")) return true;
    do {
      std::uint64_t extent;
      if (!number(extent)) return false;
      builder_.add_extent(extent);
    } while (accept(","));
    return accept("]");
  }

  /// The rest of data_offsets after the opening bracket.
  bool offsets(std::uint64_t& begin, std::uint64_t& end) noexcept {
    return number(begin) && accept(",") && number(end) && accept("]");
  }

  bool number(std::uint64_t& value) noexcept {
    const char* const start = at_;
    value = 0;
    for (;;) {
      const std::uint64_t word = load();
      const std::size_t count = swar::first_mark(swar::digits_end(word));
      if (count != 0) {
        value = value * powers_of_ten[count] + swar::digits_value(word, count);
        at_ += count;
      }
      if (count < 8) break;
      // 16 digits and more are left to the general parser, which checks for overflow.
      if (at_ - start > 8) return false;
    }
    const auto length = at_ - start;
    return length != 0 && (*start != '0' || length == 1);
  }

  static constexpr std::array<std::uint64_t, 9> powers_of_ten{
      1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

  /// Eight bytes from here; zeros stand for those beyond the end.
  [[nodiscard]] std::uint64_t load() const noexcept {
    if (left() >= 8) return swar::load8(at_);
    std::array<char, 8> rest{};
    if (left() != 0) std::memcpy(rest.data(), at_, left());
    return swar::load8(rest.data());
  }

  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }

  const char* at_;
  const char* end_;
  HeaderBuilder builder_;
  bool has_metadata_ = false;
};

}  // namespace

std::optional<Header> parse_canonical(std::string_view header, std::uint64_t file_bytes,
                                      const ParseOptions& options) {
  return CanonicalParser(header).run(file_bytes - prefix_bytes - header.size(), options.lenient);
}

}  // namespace tensorhold::format
