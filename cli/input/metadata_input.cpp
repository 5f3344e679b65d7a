#include "cli/input/metadata_input.hpp"

#include <simdjson.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string_view>
#include <system_error>

#include "tensorhold/error.hpp"

namespace tensorhold::cli {
namespace {

std::string read_all(std::istream& input, const std::string& path) {
  std::string text;
  std::array<char, 65536> piece{};
  while (input.read(piece.data(), piece.size()) || input.gcount() != 0)
    text.append(piece.data(), static_cast<std::size_t>(input.gcount()));
  if (input.bad())
    throw Error({.code = Code::io_error,
                 .reason = "the file cannot be read",
                 .advice = "Check that it is a file, and its permissions.",
                 .path = path});
  return text;
}

[[noreturn]] void raise_no_strings(const std::string& path, const std::string& what) {
  throw Error({.code = Code::invalid_metadata,
               .reason = what,
               .advice = "Metadata maps strings to strings. Write other values as JSON text in a "
                         "string, or set one with --set-file KEY=PATH.",
               .path = path});
}

}  // namespace

std::string read_text(const std::string& path) {
  if (path == "-") return read_all(std::cin, "standard input");
  const std::filesystem::path name(std::u8string(path.begin(), path.end()));
  std::error_code ignored;
  if (std::filesystem::status(name, ignored).type() == std::filesystem::file_type::not_found)
    throw Error({.code = Code::not_found,
                 .reason = "no such file",
                 .advice = "Check the spelling, and that the folder exists.",
                 .path = path});
  std::ifstream input(name, std::ios::binary);
  if (!input) input.setstate(std::ios::badbit);
  return read_all(input, path);
}

std::vector<KeyValue> read_pairs(const std::string& path) {
  const simdjson::padded_string text(read_text(path));
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto fault = parser.parse(text).get(root); fault != simdjson::SUCCESS)
    throw Error({.code = Code::invalid_json,
                 .reason = std::string("this is not JSON: ") + simdjson::error_message(fault),
                 .advice = "Give an object of strings, as `tensorhold meta FILE --json` prints it.",
                 .path = path});
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) raise_no_strings(path, "the JSON is not an object");
  // What our own --json prints has the metadata one level down, beside a path.
  simdjson::dom::object inner;
  if (object["metadata"].get(inner) == simdjson::SUCCESS) object = inner;
  std::vector<KeyValue> pairs;
  for (const auto [key, value] : object) {
    std::string_view words;
    if (value.get(words) != simdjson::SUCCESS)
      raise_no_strings(path, "the value of \"" + std::string(key) + "\" is not a string");
    pairs.emplace_back(key, words);
  }
  return pairs;
}

KeyValue split_pair(const std::string& pair) {
  const std::size_t sign = pair.find('=');
  return {pair.substr(0, sign), pair.substr(sign + 1)};
}

}  // namespace tensorhold::cli
