// tensorhold check: is each file valid, and if not, what is wrong where?
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/command.hpp"
#include "cli/json.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "tensorhold/file.hpp"

namespace tensorhold::cli {
namespace {

struct Options {
  std::vector<std::string> paths;
  bool lenient = false;
  bool json = false;
};

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
    json.key("advice").text(printable(error.advice()));
    json.key("tensor");
    error.tensor().empty() ? json.null() : json.text(printable(error.tensor()));
    json.key("offset");
    error.offset() ? json.number(*error.offset()) : json.null();
  }
  json.end_object();
}

int check(const Options& options) {
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

}  // namespace

void add_check(CLI::App& app, int& status) {
  const auto options = std::make_shared<Options>();
  CLI::App* const command = app.add_subcommand("check", "Check whether files are valid");
  command->add_option("FILE", options->paths, "Safetensors files")->required();
  command->add_flag("--lenient", options->lenient, "Accept bytes after the last tensor");
  command->add_flag("--json", options->json, "Print JSON");
  command->callback([options, &status] { status = check(*options); });
}

}  // namespace tensorhold::cli
