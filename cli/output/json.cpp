#include "cli/output/json.hpp"

#include <fmt/format.h>

#include <cmath>

namespace tensorhold::cli {

void Json::separate() {
  if (!first_) out_ += ", ";
  first_ = false;
}

Json& Json::open(char bracket) {
  separate();
  out_ += bracket;
  first_ = true;
  return *this;
}

Json& Json::close(char bracket) {
  out_ += bracket;
  first_ = false;
  return *this;
}

Json& Json::key(std::string_view name) {
  text(name);
  out_ += ": ";
  first_ = true;
  return *this;
}

Json& Json::text(std::string_view value) {
  separate();
  out_ += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\')
      (out_ += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      out_ += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out_ += c;
  }
  out_ += '"';
  return *this;
}

Json& Json::number(std::uint64_t value) {
  separate();
  out_ += std::to_string(value);
  return *this;
}

Json& Json::number(std::int64_t value) {
  separate();
  out_ += std::to_string(value);
  return *this;
}

Json& Json::number(double value) {
  if (!std::isfinite(value)) return null();
  separate();
  out_ += fmt::format("{}", value);
  return *this;
}

Json& Json::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
  return *this;
}

Json& Json::null() {
  separate();
  out_ += "null";
  return *this;
}

Json& Json::numbers(std::span<const std::uint64_t> values) {
  begin_array();
  for (const std::uint64_t value : values) number(value);
  return end_array();
}

}  // namespace tensorhold::cli
