#include "format/parse/canonical.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/checked.hpp"
#include "format/json/swar.hpp"
#include "format/parse/header_builder.hpp"

namespace tensorhold::format {
namespace {

/// Finds a dtype by the eight bytes after its opening quote, without one comparison a dtype: a
/// multiplier that sends all 22 names to different slots is searched when this is compiled.
class DtypeTable {
 public:
  constexpr DtypeTable() {
    while (!fill()) multiplier_ = multiplier_ * 6364136223846793005 + 1442695040888963407;
  }

  /// The only dtype whose name can begin `word`; nothing when none does. Of a name with more than
  /// eight characters, the others remain to be compared.
  [[nodiscard]] constexpr std::optional<Dtype> candidate(std::uint64_t word) const noexcept {
    const std::uint64_t name = before_quote(word);
    const Slot& slot = slots_[place(name)];
    if (slot.name != name || name == 0) return std::nullopt;  // 0 is how free slots look
    return slot.dtype;
  }

 private:
  struct Slot {
    std::uint64_t name = 0;  // its first eight characters; 0: free
    Dtype dtype = Dtype::u8;
  };
  static constexpr unsigned slot_bits = 6;

  [[nodiscard]] static constexpr std::uint64_t before_quote(std::uint64_t word) noexcept {
    const std::uint64_t quote = word ^ swar::ones * '"';
    const std::uint64_t mark = (quote - swar::ones) & ~quote & swar::high_bits;
    // The lowest mark is the quote's; what lies below its byte stays.
    return word & ((mark & (0 - mark)) == 0 ? ~std::uint64_t{0} : ((mark & (0 - mark)) >> 7) - 1);
  }

  [[nodiscard]] constexpr std::size_t place(std::uint64_t name) const noexcept {
    return static_cast<std::size_t>(name * multiplier_ >> (64 - slot_bits));
  }

  constexpr bool fill() {
    slots_ = {};
    for (std::size_t i = 0; i < dtype_count; ++i) {
      std::uint64_t word = 0;
      const std::string_view name = detail::dtype_rows[i].name;
      for (std::size_t byte = 0; byte < std::min<std::size_t>(name.size(), 8); ++byte)
        word |= std::uint64_t{static_cast<unsigned char>(name[byte])} << (8 * byte);
      Slot& slot = slots_[place(word)];
      if (slot.name != 0) return false;
      slot = {word, static_cast<Dtype>(i)};
    }
    return true;
  }

  std::uint64_t multiplier_ = 1;
  std::array<Slot, std::size_t{1} << slot_bits> slots_{};
};

constexpr DtypeTable dtype_table;

/// How a value was spelled last time: with the same spelling again, its length is known before its
/// end is found, and the processor does not wait for the one to go on with the next.
struct Spelled {
  std::uint64_t word = 1;  // its characters, and one bit that no text has until the first set()
  std::uint64_t mask = 0;
  std::uint64_t value = 0;
  std::size_t length = 0;

  void set(std::uint64_t text, std::size_t size, std::uint64_t meaning) noexcept {
    if (size > 8) {
      *this = {};
      return;
    }
    mask = ~std::uint64_t{0} >> (8 * (8 - size));
    word = text & mask;
    value = meaning;
    length = size;
  }
};

/// A place in the text. Small, and passed by value or to functions that are inlined: it then lives
/// in registers, which halves the time of a parse.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  [[nodiscard]] std::string_view rest() const noexcept { return {at_, left()}; }

  /// A literal text; nothing is consumed when something else stands there.
  template <std::size_t Size>
  [[gnu::always_inline]] bool accept(const char (&text)[Size]) noexcept {
    constexpr std::size_t length = Size - 1;
    if (left() < length || !same<length>(at_, text)) return false;
    at_ += length;
    return true;
  }

  /// The rest of a string without escapes after its opening quote, as a view of the text.
  [[gnu::always_inline]] bool string(std::string_view& value) noexcept {
    const char* const start = at_;
    at_ = swar::find_string_end(at_, end_);
    if (at_ == end_ || *at_ != '"') return false;
    value = {start, static_cast<std::size_t>(at_ - start)};
    ++at_;
    return true;
  }

  /// The rest of a dtype's string after its opening quote. Most often it is `last`, the one before.
  [[gnu::always_inline]] bool dtype(Dtype& value, Spelled& last) noexcept {
    const std::uint64_t word = load();
    if ((word & last.mask) == last.word) {
      value = static_cast<Dtype>(last.value);
      at_ += last.length;
      return true;
    }
    const auto candidate = dtype_table.candidate(word);
    if (!candidate) return false;
    value = *candidate;
    const std::string_view name = to_string(value);
    if (name.size() > 8 && !rest().starts_with(name)) return false;
    at_ += name.size();
    if (!accept("\"")) return false;
    last.set(word, name.size() + 1, static_cast<std::uint64_t>(value));
    return true;
  }

  [[gnu::always_inline]] bool number(std::uint64_t& value) noexcept {
    const std::uint64_t word = load();
    const std::size_t count = swar::first_mark(swar::digits_end(word));
    if (count == 0 || (*at_ == '0' && count != 1)) return false;
    value = swar::digits_value(word, count);
    at_ += count;
    return count < 8 || more_digits(value);
  }

  /// A number and the comma after it, most often both as in `last`.
  [[gnu::always_inline]] bool number_and_comma(std::uint64_t& value, const Spelled& last) noexcept {
    if ((load() & last.mask) != last.word) return number(value) && accept(",");
    value = last.value;
    at_ += last.length;
    return true;
  }

  /// A number and the bracket after it. Notes it for number_and_comma().
  [[gnu::always_inline]] bool number_and_bracket(std::uint64_t& value, Spelled& last) noexcept {
    const std::uint64_t word = load();
    const char* const start = at_;
    if (!number(value)) return false;
    const auto length = static_cast<std::size_t>(at_ - start);
    const std::uint64_t digits = length < 8 ? word & ((std::uint64_t{1} << (8 * length)) - 1) : 0;
    last.set(digits | std::uint64_t{','} << (8 * length % 64), length + 1, value);
    return accept("]");
  }

 private:
  /// Compares in words: beyond 16 bytes compilers call memcmp.
  template <std::size_t Length>
  [[gnu::always_inline]] static bool same(const char* a, const char* b) noexcept {
    if constexpr (Length < 8) {
      return std::memcmp(a, b, Length) == 0;
    } else {
      std::uint64_t difference = swar::load8(a + Length - 8) ^ swar::load8(b + Length - 8);
      for (std::size_t i = 0; i + 8 <= Length; i += 8)
        difference |= swar::load8(a + i) ^ swar::load8(b + i);
      return difference == 0;
    }
  }

  /// Digits after the first eight. Fifteen always fit; numbers with more are left to the general
  /// parser, which checks for overflow.
  [[gnu::always_inline]] bool more_digits(std::uint64_t& value) noexcept {
    static constexpr std::array<std::uint64_t, 8> powers_of_ten{1,     10,     100,     1000,
                                                                10000, 100000, 1000000, 10000000};
    const std::uint64_t word = load();
    const std::size_t count = swar::first_mark(swar::digits_end(word));
    if (count == 8) return false;
    if (count != 0) value = value * powers_of_ten[count] + swar::digits_value(word, count);
    at_ += count;
    return true;
  }

  /// Eight bytes from here; zeros stand for those beyond the end.
  [[nodiscard, gnu::always_inline]] std::uint64_t load() const noexcept {
    return left() >= 8 ? swar::load8(at_) : load_last(at_, left());
  }

  [[nodiscard, gnu::noinline]] static std::uint64_t load_last(const char* at,
                                                              std::size_t left) noexcept {
    std::array<char, 8> last{};
    if (left != 0) std::memcpy(last.data(), at, left);
    return swar::load8(last.data());
  }

  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }

  const char* at_;
  const char* end_;
};

/// The spellings of the last entry.
struct Habits {
  Spelled dtype;
  Spelled end;
};

/// The rest of a shape after its opening bracket.
[[gnu::always_inline]] inline bool read_shape(Cursor& in, HeaderBuilder& out) {
  if (in.accept("]")) return true;
  do {
    std::uint64_t extent;
    if (!in.number(extent)) return false;
    out.add_extent(extent);
  } while (in.accept(","));
  return in.accept("]");
}

/// The rest of data_offsets after the opening bracket: most often it begins with the last end.
[[gnu::always_inline]] inline bool read_offsets(Cursor& in, Habits& habits, std::uint64_t& begin,
                                                std::uint64_t& end) {
  return in.number_and_comma(begin, habits.end) && in.number_and_bracket(end, habits.end);
}

[[gnu::always_inline]] inline bool read_entry(Cursor& in, Habits& habits, std::string_view name,
                                              HeaderBuilder& out) {
  Dtype dtype;
  std::uint64_t begin;
  std::uint64_t end;
  bool good;
  if (in.accept("{\"dtype\":\""))
    good = in.dtype(dtype, habits.dtype) && in.accept(",\"shape\":[") && read_shape(in, out) &&
           in.accept(",\"data_offsets\":[") && read_offsets(in, habits, begin, end) &&
           in.accept("}");
  else
    good = in.accept("{\"data_offsets\":[") && read_offsets(in, habits, begin, end) &&
           in.accept(",\"dtype\":\"") && in.dtype(dtype, habits.dtype) &&
           in.accept(",\"shape\":[") && read_shape(in, out) && in.accept("}");
  return good && !out.add_tensor(name, dtype, begin, end);
}

/// The value of __metadata__; `in` comes back behind it, or nothing does.
std::optional<Cursor> read_metadata(Cursor in, HeaderBuilder& out) {
  if (in.accept("null")) return in;
  if (!in.accept("{")) return std::nullopt;
  out.begin_metadata();
  if (in.accept("}")) return in;
  do {
    std::string_view key;
    std::string_view value;
    if (!in.accept("\"") || !in.string(key) || !in.accept(":\"") || !in.string(value))
      return std::nullopt;
    out.add_metadata(key, value);
  } while (in.accept(","));
  if (!in.accept("}")) return std::nullopt;
  return in;
}

bool read_members(Cursor in, HeaderBuilder& out) {
  if (!in.accept("{")) return false;
  bool has_metadata = false;
  Habits habits;
  if (!in.accept("}")) {
    do {
      std::string_view name;
      if (!in.accept("\"") || !in.string(name) || !in.accept(":")) return false;
      if (name != "__metadata__") {
        if (!read_entry(in, habits, name, out)) return false;
        continue;
      }
      const auto behind = has_metadata ? std::nullopt : read_metadata(in, out);
      if (!behind) return false;
      has_metadata = true;
      in = *behind;
    } while (in.accept(","));
    if (!in.accept("}")) return false;
  }
  return in.rest().find_first_not_of(' ') == std::string_view::npos;
}

}  // namespace

std::optional<Header> parse_canonical(std::string_view header, std::uint64_t file_bytes,
                                      const ParseOptions& options) {
  HeaderBuilder builder(header.size());
  if (!read_members(Cursor(header), builder)) return std::nullopt;
  if (builder.finish(file_bytes - prefix_bytes - header.size(), options.lenient))
    return std::nullopt;
  return builder.take();
}

}  // namespace tensorhold::format
