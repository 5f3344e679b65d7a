// tensorhold demo: the main job, step by step, on a real file. Works as fast on a huge file: it
// touches one tensor of moderate size.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <vector>

#include "cli/command.hpp"
#include "cli/console.hpp"
#include "cli/statistics.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold::cli {
namespace {

constexpr std::size_t most_rows = 12;
constexpr std::uint64_t most_bytes = std::uint64_t{64} << 20;

/// Numbers the steps, and tells how long each took.
class Steps {
 public:
  void begin(const std::string& what) {
    const char* const bold = color_ ? "\x1b[1m" : "";
    const char* const plain = color_ ? "\x1b[0m" : "";
    fmt::print("\n{}{}. {}{}\n", bold, ++number_, what, plain);
    (void)std::fflush(stdout);
    start_ = Clock::now();
  }
  /// Time since begin().
  [[nodiscard]] std::string took() const {
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start_).count();
    return ms < 1 ? fmt::format("{:.0f} us", ms * 1000) : fmt::format("{:.1f} ms", ms);
  }
  template <class... Parts>
  void say(fmt::format_string<Parts...> format, Parts&&... parts) const {
    fmt::print("   {}\n", shorten(fmt::format(format, std::forward<Parts>(parts)...), 77));
  }

 private:
  using Clock = std::chrono::steady_clock;
  int number_ = 0;
  Clock::time_point start_;
  bool color_ = output_is_terminal() && std::getenv("NO_COLOR") == nullptr;
};

/// A folder for the demo's own file, gone at the end.
class WorkFolder {
 public:
  WorkFolder()
      : path_(std::filesystem::temp_directory_path() /
              fmt::format("tensorhold-demo-{:08x}", std::random_device{}())) {
    std::filesystem::create_directory(path_);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  ~WorkFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::filesystem::path file() const { return path_ / "saved.safetensors"; }

 private:
  std::filesystem::path path_;
};

/// The largest tensor that is not larger than a demo should touch.
std::optional<std::size_t> pick_tensor(const File& file) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < file.size(); ++i) {
    const std::uint64_t bytes = file.info(i).nbytes;
    if (bytes != 0 && bytes <= most_bytes && (!best || bytes > file.info(*best).nbytes)) best = i;
  }
  return best;
}

/// The first tensors of a file that together are at most `most_bytes`.
std::vector<Tensor> some_tensors(const File& file) {
  std::vector<Tensor> tensors;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < file.size() && bytes + file.info(i).nbytes <= most_bytes; ++i) {
    bytes += file.info(i).nbytes;
    tensors.push_back(file.at(i));
  }
  return tensors;
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return std::ranges::equal(a.bytes(), b.bytes());
}

void show_table(const File& file) {
  std::vector<std::size_t> rows(std::min(file.size(), most_rows));
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  if (!rows.empty()) fmt::print("{}", tensor_table(file, rows, false));
  if (rows.size() < file.size()) fmt::print("... and {} more\n", file.size() - rows.size());
  fmt::print("{}\n", totals(file));
}

void use_tensor(Steps& steps, const File& file, std::size_t position) {
  const Tensor tensor = file.at(position);
  steps.begin("One tensor, used in place");
  const Statistics found = statistics_of(tensor.dtype(), tensor.bytes());
  steps.say("{}", printable(tensor.name()));
  steps.say("{} {}, {} read in {}", to_string(tensor.dtype()), shape_text(tensor.shape()),
            size_text(tensor.nbytes()), steps.took());
  steps.say("min {}, max {}, mean {}, deviation {}", value_text(found.min), value_text(found.max),
            value_text(found.mean), value_text(found.deviation));

  steps.begin("A slice and an owned copy");
  // Rows of sub-byte elements need not begin at whole bytes.
  if (!tensor.shape().empty() && tensor.shape()[0] > 1 && bits_of(tensor.dtype()) >= 8) {
    const auto half = static_cast<std::int64_t>(tensor.shape()[0] / 2);
    const Slice rows = tensor.slice({{0, half}, ellipsis});
    steps.say("[0:{}] is {}, {}", half, shape_text(rows.shape()),
              rows.contiguous() ? "a view: no byte was copied" : "gathered on copy()");
  }
  const Tensor copy = tensor.copy();
  steps.say("copy(): {} of private memory, {}", size_text(copy.nbytes()),
            same_bytes(copy, tensor) ? "equal to the tensor" : "DIFFERENT");
}

bool save_again(Steps& steps, const File& file, const std::filesystem::path& target) {
  steps.begin("Save to a new file, open it, compare");
  const std::vector<Tensor> tensors = some_tensors(file);
  const std::vector<SaveTensor> list(tensors.begin(), tensors.end());
  const Metadata metadata(file.metadata().begin(), file.metadata().end());
  save(target, list, file.metadata().empty() ? std::nullopt : std::optional(metadata));
  steps.say("{} of {} tensors written, synced and renamed into place in {}", tensors.size(),
            file.size(), steps.took());
  const File saved = open(target);
  const bool same = std::ranges::all_of(
      tensors, [&](const Tensor& tensor) { return same_bytes(tensor, saved[tensor.name()]); });
  steps.say("every tensor has {} bytes as before", same ? "the same" : "DIFFERENT");
  return same;
}

/// What the project is for: the file goes, the tensor stays.
bool let_go(Steps& steps, const std::filesystem::path& path) {
  const File file = open(path, {.access = Access::mapped});
  if (file.size() == 0) return true;
  steps.begin("Let go of the new file, delete it, keep a tensor");
  const Tensor tensor = file.at(file.size() - 1);
  const Tensor before = tensor.copy();
  const std::byte* const address = tensor.bytes().data();
  try {
    const Released released = release(path);
    steps.say("released in {}: {} of private memory at the same address", steps.took(),
              size_text(released.bytes));
  } catch (const Error& error) {
    if (error.code() != Code::release_unsupported) throw;
    steps.say("{}", error.reason());
    return true;
  }
  std::filesystem::resize_file(path, 0);
  std::filesystem::remove(path);
  const bool kept = tensor.bytes().data() == address && same_bytes(tensor, before);
  steps.say("the file was emptied and deleted; the tensor {}",
            kept ? "has its address and its values" : "CHANGED");
  return kept;
}

int demo(const std::string& path) {
  Steps steps;
  steps.begin("Open");
  const File file = open(path);
  steps.say("{}", printable(path));
  steps.say("{} file, {} header read and checked in {}", size_text(file.file_bytes()),
            size_text(file.header_bytes()), steps.took());
  steps.say("{}", file.why());

  steps.begin("Tensors");
  show_table(file);
  if (const auto position = pick_tensor(file)) use_tensor(steps, file, *position);
  const WorkFolder work;
  const bool saved = save_again(steps, file, work.file());
  const bool kept = let_go(steps, work.file());
  fmt::print("\n");
  return saved && kept ? success : failure;
}

}  // namespace

void add_demo(CLI::App& app, int& status) {
  const auto path = std::make_shared<std::string>();
  CLI::App* const command = app.add_subcommand("demo", "Show on a file what tensorhold does");
  command->add_option("FILE", *path, "A safetensors file; it is not changed")->required();
  command->callback([path, &status] { status = demo(*path); });
}

}  // namespace tensorhold::cli
