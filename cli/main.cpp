// The command `tensorhold`. Subcommands are in files of their own name.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <system_error>

#include "cli/command.hpp"
#include "cli/console.hpp"
#include "cli/text.hpp"

namespace tensorhold::cli {

Exit exit_of(Code code) noexcept {
  const auto number = static_cast<int>(code);
  return number >= 200 && number < 300 ? invalid : failure;
}

void print_error(const Error& error) {
  std::string line = "tensorhold: ";
  if (!error.path().empty()) line += printable(error.path()) + ": ";
  if (!error.tensor().empty()) line += fmt::format("tensor \"{}\": ", printable(error.tensor()));
  if (error.offset()) line += fmt::format("byte {}: ", *error.offset());
  fmt::print(stderr, "{}{} ({})\n", line, printable(error.reason()), to_string(error.code()));
  if (!error.advice().empty()) fmt::print(stderr, "{}\n", printable(error.advice()));
}

namespace {

constexpr const char* examples = R"(examples:
  tensorhold ls model.safetensors --sort size
  tensorhold show model.safetensors embed.weight "0:4, ::2"
  tensorhold check models/*.safetensors
  tensorhold holders model.safetensors
  tensorhold mv new.safetensors model.safetensors
  tensorhold meta model.safetensors --set license=apache-2.0
  tensorhold demo model.safetensors

exit status: 0 success, 1 a file is invalid, 2 usage or the system's refusal)";

int run(std::vector<std::string> arguments) {
  CLI::App app{"Safetensors files, mapped, with control of the hold", "tensorhold"};
  app.set_version_flag("--version", "tensorhold " TENSORHOLD_VERSION);
  app.require_subcommand(1);
  app.allow_windows_style_options(false);  // a path may begin with a slash there, too
  app.footer(examples);
  int status = success;
  add_ls(app, status);
  add_show(app, status);
  add_check(app, status);
  add_holders(app, status);
  add_rm(app, status);
  add_mv(app, status);
  add_meta(app, status);
  add_demo(app, status);
  try {
    std::ranges::reverse(arguments);  // as this library wants them
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    // Help and version come this way too, with 0.
    return app.exit(error) == 0 ? success : failure;
  } catch (const Error& error) {
    (void)std::fflush(stdout);
    print_error(error);
    return exit_of(error.code());
  }
  if (std::fflush(stdout) != 0)
    throw std::system_error(errno, std::generic_category(), "standard output");
  return status;
}

}  // namespace
}  // namespace tensorhold::cli

int main(int count, char** arguments) {
  try {
    return tensorhold::cli::run(tensorhold::cli::start_console(count, arguments));
  } catch (const std::system_error& error) {
    if (tensorhold::cli::is_closed_pipe(error.code().value())) return tensorhold::cli::failure;
    (void)std::fprintf(stderr, "tensorhold: %s\n", error.what());  // standard output is full
    return tensorhold::cli::failure;
  } catch (const std::exception& error) {
    (void)std::fputs("tensorhold: ", stderr);
    (void)std::fputs(error.what(), stderr);
    (void)std::fputs("\n", stderr);
    return tensorhold::cli::failure;
  }
}
