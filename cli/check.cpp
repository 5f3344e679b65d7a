// tensorhold check: is each file valid, and if not, what is wrong where?
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "cli/command.hpp"
#include "cli/output/json.hpp"
#include "cli/output/table.hpp"
#include "cli/output/text.hpp"
#include "tensorhold/file.hpp"

namespace tensorhold::cli {
namespace {

void print_verdict(const std::string& path, const Result<File>& result) {
  if (result) {
    fmt::print("{}: valid, {}\n", printable(path), totals(result.value()));
    return;
  }
  const Error& error = result.error();
  std::string line = printable(path) + ": ";
  line += exit_of(error.code()) == invalid ? "invalid" : "cannot be checked";
  if (!error.tensor().empty()) line += fmt::format(", tensor \"{}\"", printable(error.tensor()));
  if (error.offset()) line += fmt::format(", byte {}", *error.offset());
  fmt::print("{}: {} ({})\n", line, printable(error.reason()), to_string(error.code()));
}

void add_verdict(Json& json, const std::string& path, const Result<File>& result) {
  json.begin_object().key("path").text(printable(path));
  json.key("valid").boolean(static_cast<bool>(result));
  if (result) {
    const File& file = result.value();
    const Totals found = totals_of(file);
    json.key("tensors").number(std::uint64_t{file.size()});
    json.key("parameters").number(found.parameters).key("nbytes").number(found.nbytes);
    json.key("file_bytes").number(file.file_bytes());
    json.key("trailing_bytes").number(file.trailing_bytes());
  } else {
    add_error(json, result.error());
  }
  json.end_object();
}

/// Sparse files may claim more together than 64 bits hold.
std::uint64_t add_up(std::uint64_t sum, std::uint64_t more) {
  return more > std::numeric_limits<std::uint64_t>::max() - sum
             ? std::numeric_limits<std::uint64_t>::max()
             : sum + more;
}

/// All files together.
struct Sum {
  std::size_t valid = 0;
  std::size_t invalid = 0;
  std::size_t unread = 0;
  std::uint64_t tensors = 0;
  std::uint64_t nbytes = 0;

  void add(const Result<File>& result) {
    if (!result) return void(exit_of(result.error().code()) == cli::invalid ? ++invalid : ++unread);
    ++valid;
    tensors += result.value().size();
    nbytes = add_up(nbytes, totals_of(result.value()).nbytes);
  }
  void print() const {
    std::string line =
        fmt::format("{} files: {} valid", count_text(valid + invalid + unread), count_text(valid));
    if (invalid != 0) line += fmt::format(", {} invalid", count_text(invalid));
    if (unread != 0) line += fmt::format(", {} that cannot be checked", count_text(unread));
    fmt::print("{}; {} tensors, {}\n", line, count_text(tensors), size_text(nbytes));
  }
};

}  // namespace

int run_check(const CheckOptions& options) {
  int worst = success;
  Sum sum;
  Json json;
  json.begin_array();
  for (const std::string& path : options.paths) {
    const Result<File> result = try_open(path, {.access = Access::owned,
                                                .lenient = options.lenient,
                                                .header_limit = options.header_limit});
    if (!result) worst = std::max<int>(worst, exit_of(result.error().code()));
    sum.add(result);
    if (options.quiet && result) continue;
    if (options.json)
      add_verdict(json, path, result);
    else
      print_verdict(path, result);
  }
  if (options.json)
    fmt::print("{}\n", json.end_array().str());
  else if (options.paths.size() > 1 && !options.quiet)
    sum.print();
  return worst;
}

}  // namespace tensorhold::cli
