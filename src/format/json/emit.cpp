#include "format/json/emit.hpp"

#include <array>
#include <charconv>

namespace tensorhold::format {
namespace {

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

void append_escape(std::string& out, unsigned char byte) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '\\';
  switch (byte) {
    case '"':
    case '\\':
      out += static_cast<char>(byte);
      return;
    case '\b':
      out += 'b';
      return;
    case '\f':
      out += 'f';
      return;
    case '\n':
      out += 'n';
      return;
    case '\r':
      out += 'r';
      return;
    case '\t':
      out += 't';
      return;
    default:
      out += "u00";
      out += hex[byte >> 4];
      out += hex[byte & 0xf];
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == '"' || byte == '\\')
      append_escape(out, byte);
    else
      out += c;
  }
  out += '"';
}

void append_entry(std::string& out, std::string_view name, Dtype dtype,
                  std::span<const std::uint64_t> shape, std::uint64_t begin, std::uint64_t end) {
  append_json_string(out, name);
  out += ":{\"dtype\":\"";
  out += to_string(dtype);
  out += "\",\"shape\":[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i != 0) out += ',';
    append_number(out, shape[i]);
  }
  out += "],\"data_offsets\":[";
  append_number(out, begin);
  out += ',';
  append_number(out, end);
  out += "]}";
}

}  // namespace tensorhold::format
