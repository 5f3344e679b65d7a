// JSON output, written as it is made: small enough not to need a library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tensorhold::cli {

/// Builds one JSON value. Members and elements are separated by themselves; who begins an object or
/// an array ends it.
class Json {
 public:
  Json& begin_object() { return open('{'); }
  Json& end_object() { return close('}'); }
  Json& begin_array() { return open('['); }
  Json& end_array() { return close(']'); }
  Json& key(std::string_view name);

  /// A string. Bytes that are not UTF-8 must not be in it.
  Json& text(std::string_view value);
  Json& number(std::uint64_t value);
  Json& number(std::int64_t value);
  /// null for what JSON has no number for: infinities and NaN.
  Json& number(double value);
  Json& boolean(bool value);
  Json& null();
  Json& numbers(std::span<const std::uint64_t> values);

  [[nodiscard]] const std::string& str() const noexcept { return out_; }

 private:
  Json& open(char bracket);
  Json& close(char bracket);
  void separate();

  std::string out_;
  bool first_ = true;  // nothing stands before the next value in its object or array
};

}  // namespace tensorhold::cli
