// The command `tensorhold`: what may stand on its command line. Subcommands are in files of their
// own name.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/command.hpp"
#include "cli/console.hpp"
#include "cli/text.hpp"

namespace tensorhold::cli {

int exit_of(Code code) noexcept {
  if (code == Code::cancelled) return stopped_status();
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

exit status: 0 success, 1 a file is invalid, 2 usage or the system's refusal,
  130 interrupted (Ctrl-C) before anything was changed)";

/// Adds a subcommand that fills Options and has `run` do the rest when it is called.
template <class Options>
std::pair<CLI::App*, Options*> add(CLI::App& app, const char* name, const char* what,
                                   int (*run)(const Options&), int& status) {
  const auto options = std::make_shared<Options>();
  CLI::App* const command = app.add_subcommand(name, what);
  command->callback([options, run, &status] { status = run(*options); });
  return {command, options.get()};
}

constexpr const char* json_text = "Print JSON";

/// What the library makes of a minus sign here is a very large number.
std::string count_fault(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? "" : "wants a count, and \"" + printable(text) + "\" is none";
}

void add_readers(CLI::App& app, int& status) {
  {
    const auto [command, options] = add(app, "ls", "List the tensors of a file", &run_ls, status);
    command->add_option("FILE", options->path, "A safetensors file")->required();
    command->add_option("--sort", options->sort, "By name, offset or size (largest first)")
        ->check(CLI::IsMember({"name", "offset", "size"}))
        ->capture_default_str();
    command->add_flag("--wide", options->wide, "Shorten nothing to fit 80 columns");
    command->add_flag("--json", options->json, json_text);
  }
  {
    const auto [command, options] =
        add(app, "show", "Show values and statistics of a tensor", &run_show, status);
    command->add_option("FILE", options->path, "A safetensors file")->required();
    command->add_option("NAME", options->name, "A tensor of the file")->required();
    command->add_option("SLICE", options->slice, "A part of it, as in Python: \"0:4, ::2, -1\"");
    command->add_option("--values", options->values, "Show at most so many values")
        ->check(count_fault)
        ->capture_default_str();
    command->add_flag("--json", options->json, json_text);
  }
  {
    const auto [command, options] =
        add(app, "check", "Check whether files are valid", &run_check, status);
    command->add_option("FILE", options->paths, "Safetensors files")->required();
    command->add_flag("--lenient", options->lenient, "Accept bytes after the last tensor");
    command->add_flag("--json", options->json, json_text);
  }
  {
    const auto [command, options] =
        add(app, "holders", "Show which processes hold a file", &run_holders, status);
    command->add_option("FILE", options->path, "A file")->required();
    command->add_flag("--json", options->json, json_text);
  }
}

std::string key_value_fault(const std::string& pair) {
  if (pair.find('=') != std::string::npos) return "";
  return "wants KEY=VALUE, and there is no = in \"" + printable(pair) + "\"";
}

void add_writers(CLI::App& app, int& status) {
  {
    const auto [command, options] = add(app, "rm", "Remove files, held or not", &run_rm, status);
    command->add_option("FILE", options->paths, "Files")->required();
  }
  {
    const auto [command, options] =
        add(app, "mv", "Replace a file by another, atomically", &run_mv, status);
    command->add_option("NEW", options->from, "The file that takes the name")->required();
    command->add_option("FILE", options->path, "The name")->required();
  }
  {
    const auto [command, options] =
        add(app, "meta", "Show or edit a file's metadata", &run_meta, status);
    command->add_option("FILE", options->path, "A file")->required();
    command->add_option("--set", options->set, "KEY=VALUE, as often as wanted")
        ->allow_extra_args(false)
        ->check(key_value_fault);
    command->add_option("--remove", options->remove, "A key, as often as wanted")
        ->allow_extra_args(false);
    command->add_flag("--follow", options->follow,
                      "Edit the file that a symbolic link leads to, instead of replacing the link");
    command->add_flag("--json", options->json, json_text);
  }
  {
    const auto [command, options] =
        add(app, "demo", "Show on a file what tensorhold does", &run_demo, status);
    command->add_option("FILE", options->path, "A safetensors file; it is not changed")->required();
    command->add_option("--work", options->work, "Folder for the demo's own files")
        ->check(CLI::ExistingDirectory);
  }
}

int run(std::vector<std::string> arguments) {
  CLI::App app{"Safetensors files, mapped, with control of the hold", "tensorhold"};
  app.set_version_flag("--version", "tensorhold " TENSORHOLD_VERSION);
  app.require_subcommand(1);
  app.allow_windows_style_options(false);  // a path may begin with a slash there, too
  app.footer(examples);
  int status = success;
  add_readers(app, status);
  add_writers(app, status);
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
