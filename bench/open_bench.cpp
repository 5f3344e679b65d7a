// The C++ half of the benchmark `open`; open.py drives it. Commands on standard input, one answer a
// line on standard output:
//
//   make FILE COUNT   writes a file of COUNT tensors      -> header's bytes
//   open FILE         from the path to a checked header    -> nanoseconds
//   parse FILE        parse and validate, header in memory -> nanoseconds
//   floor FILE        a bare simdjson walk over the header -> nanoseconds
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "format/parse/parse.hpp"
#include "format/write/layout.hpp"
#include "tensorhold/file.hpp"

namespace {

namespace format = tensorhold::format;
using Clock = std::chrono::steady_clock;

std::int64_t nanoseconds(Clock::duration span) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(span).count();
}

/// Names as in a language model; above 300,000 tensors short ones, to keep the header below the
/// usual limit of 100,000,000 bytes.
std::string tensor_name(std::size_t number, std::size_t count) {
  static constexpr const char* parts[] = {"self_attn.q_proj.weight",
                                          "self_attn.k_proj.weight",
                                          "self_attn.v_proj.weight",
                                          "self_attn.o_proj.weight",
                                          "mlp.gate_proj.weight",
                                          "mlp.up_proj.weight",
                                          "mlp.down_proj.weight",
                                          "input_layernorm.weight",
                                          "norm.bias",
                                          "norm.weight"};
  std::string name = count > 300'000 ? "t" : "model.layers.";
  if (count > 300'000) return name += std::to_string(number);
  name += std::to_string(number / 10);
  name += '.';
  return name += parts[number % 10];
}

std::int64_t make(const std::string& path, std::size_t count) {
  static constexpr std::uint64_t shape[] = {2, 2};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(tensor_name(i, count));
  std::vector<format::TensorSpec> tensors;
  for (std::size_t i = 0; i < count; ++i)
    tensors.push_back({names[i], tensorhold::Dtype::bf16, shape, 8});
  const format::MetadataPairs metadata{{"format", "pt"}};
  const auto layout = format::make_layout(tensors, &metadata);
  std::ofstream file(path, std::ios::binary);
  file.write(layout.prefix.data(), static_cast<std::streamsize>(layout.prefix.size()));
  const std::vector<char> data(layout.data_bytes);
  file.write(data.data(), static_cast<std::streamsize>(data.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
  return static_cast<std::int64_t>(layout.prefix.size() - format::prefix_bytes);
}

/// The header's text with the room behind it that simdjson wants, and the size of the file.
struct Loaded {
  simdjson::padded_string header;
  std::uint64_t file_bytes = 0;
};

Loaded load(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto file_bytes = static_cast<std::uint64_t>(file.tellg());
  std::vector<std::byte> first(std::min<std::uint64_t>(file_bytes, format::sniff_bytes));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(first.data()), static_cast<std::streamsize>(first.size()));
  const auto length = format::check_length(first, file_bytes, {.path = path});
  Loaded loaded{simdjson::padded_string(length), file_bytes};
  file.seekg(format::prefix_bytes);
  file.read(loaded.header.data(), static_cast<std::streamsize>(length));
  if (!file) throw std::runtime_error("cannot read " + path);
  return loaded;
}

std::int64_t open(const std::string& path) {
  const auto start = Clock::now();
  const auto file = tensorhold::open(path);
  const auto spent = Clock::now() - start;
  if (file.size() == 0) throw std::runtime_error("no tensor in " + path);
  return nanoseconds(spent);
}

std::int64_t parse(const std::string& path) {
  const Loaded loaded = load(path);
  const std::string_view header(loaded.header.data(), loaded.header.size());
  const format::ParseOptions options{.path = path};
  const auto start = Clock::now();
  const auto parsed = format::parse(header, loaded.file_bytes, options);
  const auto spent = Clock::now() - start;
  if (parsed.size() == 0) throw std::runtime_error("no tensor in " + path);
  return nanoseconds(spent);
}

/// Looks at every value once, checks nothing that JSON itself does not, keeps nothing.
std::int64_t floor(const std::string& path) {
  Loaded loaded = load(path);
  std::uint64_t sum = 0;
  const auto start = Clock::now();
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document = parser.iterate(loaded.header);
  for (auto member : document.get_object()) {
    const std::string_view name = member.unescaped_key();
    sum += name.size();
    if (name == "__metadata__") continue;
    for (auto field : member.value().get_object()) {
      const std::string_view key = field.unescaped_key();
      if (key == "dtype") {
        sum += std::string_view(field.value()).size();
      } else {
        for (auto number : field.value().get_array()) sum += std::uint64_t(number);
      }
    }
  }
  const auto spent = Clock::now() - start;
  if (sum == 0) throw std::runtime_error("nothing in " + path);
  return nanoseconds(spent);
}

}  // namespace

int main() {
  try {
    std::string command;
    std::string path;
    while (std::cin >> command >> path) {
      std::size_t count = 0;
      if (command == "make" && std::cin >> count)
        std::cout << make(path, count) << std::endl;
      else if (command == "open")
        std::cout << open(path) << std::endl;
      else if (command == "parse")
        std::cout << parse(path) << std::endl;
      else if (command == "floor")
        std::cout << floor(path) << std::endl;
      else
        throw std::runtime_error("unknown command " + command);
    }
  } catch (const std::exception& error) {
    std::cerr << "open_bench: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
