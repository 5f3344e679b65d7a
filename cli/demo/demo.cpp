// tensorhold demo: the main job, step by step, on a real file. Works as fast on a huge file: it
// touches tensors of moderate size.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/demo/sample.hpp"
#include "cli/demo/steps.hpp"
#include "cli/demo/story.hpp"
#include "cli/output/console.hpp"
#include "cli/output/statistics.hpp"
#include "cli/output/table.hpp"
#include "cli/output/text.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold::cli {
namespace {

using demo::say;
using demo::Stopwatch;

constexpr std::size_t most_rows = 3;

void show_table(const File& file) {
  std::vector<std::size_t> rows(std::min(file.size(), most_rows));
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  if (!rows.empty()) fmt::print("{}", tensor_table(file, rows, false));
  if (rows.size() < file.size()) fmt::print("... and {} more: ", file.size() - rows.size());
  fmt::print("{}\n", totals(file));
}

void use_tensor(const Tensor& tensor) {
  demo::heading("Use a tensor in place");
  const Stopwatch watch;
  const Statistics found = statistics_of(tensor.dtype(), tensor.bytes());
  say("tensor", fmt::format("\"{}\" {} {}", shorten(printable(tensor.name()), 28),
                            to_string(tensor.dtype()), shape_text(tensor.shape())));
  demo::tell("values", fmt::format("{}; {} read in {}", summary(found), size_text(tensor.nbytes()),
                                   watch.text()));
  // Rows of sub-byte elements need not begin at whole bytes.
  if (tensor.shape().empty() || tensor.shape()[0] < 2 || bits_of(tensor.dtype()) < 8) return;
  const auto half = static_cast<std::int64_t>(tensor.shape()[0] / 2);
  const Slice rows = tensor.slice({{0, half}, ellipsis});
  say("slice",
      fmt::format("[0:{}] is {}, {}", half, shape_text(rows.shape()),
                  rows.contiguous() ? "a view: no byte was copied" : "gathered by copy()"));
}

}  // namespace

int run_demo(const DemoOptions& options) {
  const std::string& path = options.path;
  const std::string& parent = options.work;
  demo::heading("Open " + printable(path));
  const Stopwatch watch;
  const File file = open(path);
  say("file", fmt::format("{}; header of {} read and checked in {}", size_text(file.file_bytes()),
                          size_text(file.header_bytes()), watch.text()));
  demo::tell("access", file.why());
  show_table(file);
  const auto picked = demo::pick_tensor(file);
  if (picked) use_tensor(file.at(*picked));

  demo::heading(
      picked ? "The story, on a new file with that tensor"
             : "The story, on a new file with a tensor of its own: no other is small enough");
  const StopToken stop = stop_on_signals();  // else the folder would stay
  const demo::WorkFolder work(
      parent.empty() ? std::filesystem::temp_directory_path()
                     : std::filesystem::path(std::u8string(parent.begin(), parent.end())));
  const bool well = demo::tell_story(demo::Sample(file, picked), work.path(), stop);
  fmt::print("\n{}\n", well ? "Every tensor kept its address and its bytes."
                            : "NOT AS IT SHOULD BE: see the lines in capitals.");
  return well ? success : failure;
}

}  // namespace tensorhold::cli
