// tensorhold show: values and statistics of a tensor, or of a slice of it.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/files.hpp"
#include "cli/input/slice_text.hpp"
#include "cli/output/console.hpp"
#include "cli/output/json.hpp"
#include "cli/output/statistics.hpp"
#include "cli/output/text.hpp"
#include "cli/output/value.hpp"
#include "tensorhold/file.hpp"
#include "tensorhold/hold.hpp"

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

/// The bytes of what is shown, for those who look at all of them once: in one piece where they are
/// mapped or small, else some rows at a time, so that a tensor larger than memory can be shown.
class Pieces {
 public:
  explicit Pieces(const Shown& shown) : tensor_(shown.tensor), shape_(shown.shape) {
    while (dimension_ < shape_.size() && shape_[dimension_] == 1) ++dimension_;
    const bool whole = tensor_.mapped() || tensor_.nbytes() <= most || bits_of(shown.dtype) < 8;
    if (whole || dimension_ == shape_.size()) return;
    rows_ = shape_[dimension_];
    step_ = std::max<std::uint64_t>(1, most / (tensor_.nbytes() / rows_));
  }

  [[nodiscard]] std::span<const std::byte> next() {
    if (step_ == 0) return done_++ == 0 ? tensor_.bytes() : std::span<const std::byte>();
    if (done_ >= rows_) return {};
    const std::uint64_t end = std::min(done_ + step_, rows_);
    std::vector<Index> indices(dimension_, all);
    indices.emplace_back(static_cast<std::int64_t>(done_), static_cast<std::int64_t>(end));
    done_ = end;
    piece_ = Tensor();  // before the next one takes memory
    piece_ = tensor_.slice(std::span<const Index>(indices)).copy();
    return piece_.bytes();
  }

 private:
  static constexpr std::uint64_t most = std::uint64_t{64} << 20;
  const Tensor& tensor_;
  const std::vector<std::uint64_t>& shape_;
  std::size_t dimension_ = 0;  // the first one that has several rows
  std::uint64_t rows_ = 0;
  std::uint64_t step_ = 0;  // rows in a piece; 0: all is one piece
  std::uint64_t done_ = 0;
  Tensor piece_;
};

/// Two texts as one line below the name, or as two where one would be too long.
void print_pair(const std::string& first, const std::string& second) {
  const bool fits = first.size() + second.size() + 4 <= screen_columns();
  fmt::print("  {}{}{}\n", first, fits ? ", " : "\n  ", second);
}

void print_values(const std::vector<Value>& values, std::uint64_t all) {
  std::string line = " ";
  for (const Value& value : values) {
    const std::string text = " " + value_text(value);
    if (line.size() + text.size() > screen_columns()) {
      fmt::print("{}\n", line);
      line = " ";
    }
    line += text;
  }
  if (all > values.size()) {
    if (line.size() + 4 > screen_columns()) {
      fmt::print("{}\n", line);
      line = " ";
    }
    line += " ...";
  }
  if (line != " ") fmt::print("{}\n", line);
}

void print_text(const ShowOptions& options, const Shown& shown, const Statistics& found,
                const std::vector<Value>& values) {
  const std::string what = options.slice.empty() ? "" : " " + printable(options.slice);
  fmt::print("{}\n", shorten(printable(options.name) + what, screen_columns()));
  fmt::print("  {} {}, {}\n", to_string(shown.dtype), shape_text(shown.shape),
             size_text(shown.tensor.nbytes()));
  if (found.deviation)
    print_pair(summary(found), "standard deviation " + value_text(*found.deviation));
  fmt::print("  {} value{}, {} zero, {} NaN, {} infinite\n", count_text(found.values),
             found.values == 1 ? "" : "s", count_text(found.zeros), count_text(found.nans),
             count_text(found.infinities));
  print_values(values, found.values);
}

void add_if(Json& json, const char* key, const std::optional<Value>& value) {
  json.key(key);
  value ? add_value(json, *value) : static_cast<void>(json.null());
}

void add_shown(Json& json, const std::string& path, const ShowOptions& options, const Shown& shown,
               const Statistics& found, const std::vector<Value>& values) {
  json.begin_object().key("path").text(printable(path));
  json.key("name").text(printable(options.name)).key("slice");
  options.slice.empty() ? json.null() : json.text(printable(options.slice));
  json.key("dtype").text(to_string(shown.dtype)).key("shape").numbers(shown.shape);
  json.key("nbytes").number(shown.tensor.nbytes()).key("values").begin_array();
  for (const Value& value : values) add_value(json, value);
  json.end_array().key("count").number(found.values).key("zeros").number(found.zeros);
  json.key("nans").number(found.nans).key("infinities").number(found.infinities);
  add_if(json, "min", found.min);
  add_if(json, "max", found.max);
  add_if(json, "mean", found.mean);
  add_if(json, "deviation", found.deviation);
  json.end_object();
}

}  // namespace

int run_show(const ShowOptions& options) {
  std::vector<std::string> paths{options.path};
  paths.insert(paths.end(), options.others.begin(), options.others.end());
  Json json;
  const auto show = [&](const std::string& path) {
    const File file =
        open(path, {.lenient = options.lenient, .header_limit = options.header_limit});
    const Shown shown = pick(file, options);
    std::vector<Value> values;
    Pieces pieces(shown);
    const Statistics found = statistics_of(shown.dtype, [&] {
      const std::span<const std::byte> piece = pieces.next();
      const std::size_t count =
          std::min(piece.size() * 8 / bits_of(shown.dtype), options.values - values.size());
      const std::vector<Value> more = first_values(shown.dtype, piece, count);
      values.insert(values.end(), more.begin(), more.end());
      return piece;
    });
    if (shown.tensor.mapped()) require_bytes(shown.tensor.bytes());
    if (options.json)
      add_shown(json, path, options, shown, found, values);
    else
      print_text(options, shown, found, values);
    return success;
  };
  const int status = for_each_file(paths, options.json ? &json : nullptr, show);
  if (options.json) fmt::print("{}\n", json.str());
  return status;
}

}  // namespace tensorhold::cli
