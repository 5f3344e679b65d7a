// A strict JSON pull reader that knows the byte of everything it says, accepts what serde_json
// accepts, and keeps one byte a nesting level instead of a call frame.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tensorhold::format {

/// Text that is not JSON, and where.
struct JsonFault {
  std::size_t position;
  const char* reason;
};

enum class JsonToken : std::uint8_t {
  begin_object,
  end_object,
  begin_array,
  end_array,
  key,
  string,
  number,
  boolean,
  null,
  end,  // of the text
};

class JsonReader {
 public:
  /// `text` must be valid UTF-8 and stay valid.
  explicit JsonReader(std::string_view text) : text_(text) {}

  /// The next token. Commas and colons are checked and left out. Throws JsonFault.
  JsonToken next();

  /// First byte of the token that next() returned.
  [[nodiscard]] std::size_t position() const noexcept { return token_; }
  /// Behind the last byte of that token, or of the value that skip() read.
  [[nodiscard]] std::size_t end() const noexcept { return at_; }
  /// Decoded text of a key or string, valid until the next call of next().
  [[nodiscard]] std::string_view text() const noexcept { return value_; }
  /// Value of a number that is written as a plain unsigned integer and fits.
  [[nodiscard]] std::optional<std::uint64_t> integer() const noexcept { return integer_; }

  /// Reads to the end of the value that `first`, the token just read, begins.
  void skip(JsonToken first);

  /// Containers that may be open at once; serde_json's limit.
  static constexpr std::size_t max_depth = 127;

 private:
  enum class Expect : std::uint8_t { value, first_element, first_key, key, comma_or_end, nothing };

  JsonToken value();
  JsonToken open(bool object);
  JsonToken close(bool object);
  JsonToken key();
  JsonToken literal(std::string_view word, JsonToken token);
  void after_value() noexcept;
  void read_string();
  void read_escape();
  unsigned read_hex4();
  void append_utf8(unsigned code_point);
  void read_number();
  void skip_space() noexcept;
  [[nodiscard]] int peek() const noexcept;
  [[noreturn]] void fail(const char* reason) const { throw JsonFault{at_, reason}; }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t token_ = 0;
  std::string_view value_;
  std::string decoded_;
  std::optional<std::uint64_t> integer_;
  Expect expect_ = Expect::value;
  std::size_t depth_ = 0;
  std::array<bool, max_depth> is_object_{};
};

}  // namespace tensorhold::format
