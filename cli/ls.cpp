// tensorhold ls: the tensors of a file.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "cli/command.hpp"
#include "cli/files.hpp"
#include "cli/output/console.hpp"
#include "cli/output/json.hpp"
#include "cli/output/table.hpp"
#include "cli/output/text.hpp"
#include "tensorhold/file.hpp"

namespace tensorhold::cli {
namespace {

std::vector<std::size_t> sorted(const File& file, const std::string& by) {
  std::vector<std::size_t> positions(file.size());
  std::iota(positions.begin(), positions.end(), std::size_t{0});  // offset order
  if (by == "name")
    std::ranges::sort(positions, {}, [&](std::size_t i) { return file.info(i).name; });
  if (by == "size")
    std::ranges::stable_sort(positions, std::ranges::greater{},
                             [&](std::size_t i) { return file.info(i).nbytes; });
  return positions;
}

void add_file(Json& json, const File& file, const std::vector<std::size_t>& positions) {
  json.begin_object().key("path").text(printable(file.path()));
  json.key("file_bytes").number(file.file_bytes());
  json.key("header_bytes").number(file.header_bytes());
  json.key("trailing_bytes").number(file.trailing_bytes());
  json.key("metadata").begin_object();
  for (const auto& [key, value] : file.metadata()) json.key(key).text(value);
  json.end_object().key("tensors").begin_array();
  for (const std::size_t position : positions) {
    const TensorInfo info = file.info(position);
    json.begin_object().key("name").text(info.name).key("dtype").text(to_string(info.dtype));
    json.key("shape").numbers(info.shape).key("offset").number(info.offset);
    json.key("nbytes").number(info.nbytes).end_object();
  }
  json.end_array().end_object();
}

void print_text(const File& file, const std::vector<std::size_t>& positions, bool wide) {
  if (!positions.empty()) fmt::print("{}\n", tensor_table(file, positions, wide));
  for (const auto& [key, value] : file.metadata()) {
    const std::string line = fmt::format("{} = {}", printable(key), printable(value));
    fmt::print("{}\n", wide ? line : shorten(line, screen_columns()));
  }
  if (!file.metadata().empty()) fmt::print("\n");
  fmt::print("{}\n", totals(file));
}

}  // namespace

int run_ls(const LsOptions& options) {
  Json json;
  const int status =
      for_each_file(options.paths, options.json ? &json : nullptr, [&](const std::string& path) {
        const File file =
            open(path, {.lenient = options.lenient, .header_limit = options.header_limit});
        const std::vector<std::size_t> positions = sorted(file, options.sort);
        if (options.json)
          add_file(json, file, positions);
        else
          print_text(file, positions, options.wide);
        return success;
      });
  if (options.json) fmt::print("{}\n", json.str());
  return status;
}

}  // namespace tensorhold::cli
