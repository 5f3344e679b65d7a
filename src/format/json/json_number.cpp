#include "format/json/json_number.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

namespace tensorhold::format {
namespace {

class NumberReader {
 public:
  explicit NumberReader(std::string_view text) : text_(text) {}

  JsonNumber read() noexcept {
    const bool negative = accept('-');
    if (!is_digit()) return fault("a number needs a digit here");
    if (accept('0')) {
      if (is_digit()) return fault("a number must not begin with 0");
    } else {
      while (is_digit()) integer_digit();
    }
    bool plain = !negative;
    if (accept('.')) {
      plain = false;
      if (!is_digit()) return fault("a number needs a digit after the point");
      while (is_digit()) fraction_digit();
    }
    std::int64_t written = 0;
    if (accept('e') || accept('E')) {
      plain = false;
      const bool down = accept('-');
      if (!down) accept('+');
      if (!is_digit()) return fault("a number needs a digit in its exponent");
      // Far beyond any double either way; the cap only keeps the sum from overflowing.
      constexpr std::int64_t cap = std::int64_t{1} << 40;
      while (is_digit()) written = std::min(written * 10 + digit(), cap);
      if (down) written = -written;
    }
    if (!is_finite(written + shift_)) return fault("a number is out of range");
    JsonNumber number{.length = at_};
    if (plain && !cut_) number.integer = significand_;
    return number;
  }

 private:
  [[nodiscard]] bool is_digit() const noexcept {
    return at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9';
  }
  bool accept(char c) noexcept {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  unsigned digit() noexcept { return static_cast<unsigned>(text_[at_++] - '0'); }

  /// False when the significand has no room for another digit; then it never takes one again.
  bool take(unsigned digit) noexcept {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    if (cut_ || significand_ > most / 10 || significand_ * 10 > most - digit) {
      cut_ = true;
      return false;
    }
    significand_ = significand_ * 10 + digit;
    return true;
  }
  void integer_digit() noexcept {
    if (!take(digit())) ++shift_;
  }
  void fraction_digit() noexcept {
    if (take(digit())) --shift_;
  }

  /// serde_json's conversion, whose rounding decides which numbers near the largest double
  /// overflow: the digits that fit 64 bits, times a power of ten, both rounded.
  [[nodiscard]] bool is_finite(std::int64_t exponent) const noexcept {
    constexpr std::int64_t largest = 308;
    if (significand_ == 0 || exponent <= 0) return true;
    if (exponent > largest) return false;
    const std::string power = "1e" + std::to_string(exponent);
    return std::isfinite(static_cast<double>(significand_) * std::strtod(power.c_str(), nullptr));
  }

  [[nodiscard]] JsonNumber fault(const char* reason) const noexcept {
    return {.length = at_, .integer = std::nullopt, .fault = reason};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint64_t significand_ = 0;
  std::int64_t shift_ = 0;  // power of ten that the significand stands for
  bool cut_ = false;        // more digits than the significand holds
};

}  // namespace

JsonNumber read_json_number(std::string_view text) noexcept { return NumberReader(text).read(); }

}  // namespace tensorhold::format
