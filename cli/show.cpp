// tensorhold show: values and statistics of a tensor, or of a slice of it.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "cli/command.hpp"
#include "cli/json.hpp"
#include "cli/slice_text.hpp"
#include "cli/statistics.hpp"
#include "cli/text.hpp"
#include "tensorhold/file.hpp"
#include "tensorhold/numeric.hpp"

namespace tensorhold::cli {
namespace {

/// What is shown: a tensor's own bytes, or those of a slice's copy.
struct Shown {
  Tensor tensor;
  Dtype dtype;
  std::vector<std::uint64_t> shape;
};

Shown pick(const File& file, const ShowOptions& options) {
  const Tensor tensor = file[options.name];
  if (options.slice.empty())
    return {tensor, tensor.dtype(), {tensor.shape().begin(), tensor.shape().end()}};
  const Slice slice = tensor.slice(parse_slice(options.slice));
  return {slice.copy(), slice.dtype(), {slice.shape().begin(), slice.shape().end()}};
}

std::vector<double> first_values(const Shown& shown, std::uint64_t all, std::size_t most) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(all, most));
  std::vector<double> values(count);
  to_doubles(shown.dtype, shown.tensor.bytes(), values);
  return values;
}

void print_values(const std::vector<double>& values, std::uint64_t all) {
  std::string line = " ";
  for (const double value : values) {
    const std::string text = " " + value_text(value);
    if (line.size() + text.size() > screen_columns) {
      fmt::print("{}\n", line);
      line = " ";
    }
    line += text;
  }
  if (all > values.size()) {
    if (line.size() + 4 > screen_columns) {
      fmt::print("{}\n", line);
      line = " ";
    }
    line += " ...";
  }
  if (line != " ") fmt::print("{}\n", line);
}

void print_text(const ShowOptions& options, const Shown& shown, const Statistics& found,
                const std::vector<double>& values) {
  const std::string what = options.slice.empty() ? "" : " " + printable(options.slice);
  fmt::print("{}\n", shorten(printable(options.name) + what, screen_columns));
  fmt::print("  {} {}, {}\n", to_string(shown.dtype), shape_text(shown.shape),
             size_text(shown.tensor.nbytes()));
  if (found.values != found.nans + found.infinities)
    fmt::print("  min {}, max {}, mean {}, standard deviation {}\n", value_text(found.min),
               value_text(found.max), value_text(found.mean), value_text(found.deviation));
  fmt::print("  {} values, {} zero, {} NaN, {} infinite\n", count_text(found.values),
             count_text(found.zeros), count_text(found.nans), count_text(found.infinities));
  print_values(values, found.values);
}

void print_json(const ShowOptions& options, const Shown& shown, const Statistics& found,
                const std::vector<double>& values) {
  Json json;
  json.begin_object().key("name").text(printable(options.name));
  json.key("dtype").text(to_string(shown.dtype)).key("shape").numbers(shown.shape);
  json.key("nbytes").number(shown.tensor.nbytes()).key("values").begin_array();
  for (const double value : values) json.number(value);
  json.end_array().key("count").number(found.values).key("zeros").number(found.zeros);
  json.key("nans").number(found.nans).key("infinities").number(found.infinities);
  json.key("min").number(found.min).key("max").number(found.max).key("mean").number(found.mean);
  json.key("deviation").number(found.deviation).end_object();
  fmt::print("{}\n", json.str());
}

}  // namespace

int run_show(const ShowOptions& options) {
  const File file = open(options.path);
  const Shown shown = pick(file, options);
  const Statistics found = statistics_of(shown.dtype, shown.tensor.bytes());
  const std::vector<double> values = first_values(shown, found.values, options.values);
  if (options.json)
    print_json(options, shown, found, values);
  else
    print_text(options, shown, found, values);
  return success;
}

}  // namespace tensorhold::cli
