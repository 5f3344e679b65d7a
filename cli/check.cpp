// tensorhold check: is each file valid, and if not, what is wrong where?
#include <fmt/format.h>

#include <algorithm>

#include "cli/command.hpp"
#include "cli/json.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
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
  json.begin_object()
      .key("path")
      .text(printable(path))
      .key("valid")
      .boolean(static_cast<bool>(result));
  if (!result) {
    const Error& error = result.error();
    json.key("code").text(to_string(error.code())).key("reason").text(printable(error.reason()));
    json.key("advice").text(advice_of(error));
    json.key("tensor");
    error.tensor().empty() ? json.null() : json.text(printable(error.tensor()));
    json.key("offset");
    error.offset() ? json.number(*error.offset()) : json.null();
  }
  json.end_object();
}

}  // namespace

int run_check(const CheckOptions& options) {
  int worst = success;
  Json json;
  json.begin_array();
  for (const std::string& path : options.paths) {
    const Result<File> result =
        try_open(path, {.access = Access::owned, .lenient = options.lenient});
    if (!result) worst = std::max<int>(worst, exit_of(result.error().code()));
    if (options.json)
      add_verdict(json, path, result);
    else
      print_verdict(path, result);
  }
  if (options.json) fmt::print("{}\n", json.end_array().str());
  return worst;
}

}  // namespace tensorhold::cli
