// The command `tensorhold`: what may stand on its command line. Subcommands are in files of their
// own name.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/command.hpp"
#include "cli/output/console.hpp"
#include "cli/output/text.hpp"

namespace tensorhold::cli {

int exit_of(Code code) noexcept {
  if (code == Code::cancelled) return stopped_status();
  const auto number = static_cast<int>(code);
  return number >= 200 && number < 300 ? invalid : failure;
}

std::string advice_of(const Error& error) {
  if (error.code() == Code::trailing_bytes)
    return "The option --lenient of ls, show, check and (to show) meta ignores them.";
  if (error.code() == Code::invalid_metadata && error.advice().find("lenient") != std::string::npos)
    return "The option --lenient of ls, show, check and (to show) meta reads them as their JSON "
           "text.";
  if (error.code() == Code::tensor_not_found && !error.advice().starts_with("Did you mean"))
    return "\"tensorhold ls\" lists the names.";
  return printable(error.advice());
}

void print_error(const Error& error) {
  std::string line = "tensorhold: ";
  if (!error.path().empty()) line += printable(error.path()) + ": ";
  if (!error.tensor().empty()) line += fmt::format("tensor \"{}\": ", printable(error.tensor()));
  if (error.offset()) line += fmt::format("byte {}: ", *error.offset());
  fmt::print(stderr, "{}{} ({})\n", line, printable(error.reason()), to_string(error.code()));
  if (const std::string advice = advice_of(error); !advice.empty())
    fmt::print(stderr, "{}\n", advice);
}

void add_error(Json& json, const Error& error) {
  json.key("code").text(to_string(error.code())).key("reason").text(printable(error.reason()));
  json.key("advice").text(advice_of(error)).key("tensor");
  error.tensor().empty() ? json.null() : json.text(printable(error.tensor()));
  json.key("offset");
  error.offset() ? json.number(*error.offset()) : json.null();
}

void add_failed(Json& json, const std::string& path, const Error& error) {
  json.begin_object().key("path").text(printable(path)).key("error").begin_object();
  add_error(json, error);
  json.end_object().end_object();
}

namespace {

constexpr const char* exit_text =
    "exit status: 0 success, 1 a file is invalid, 2 usage or the system's refusal,\n"
    "  130 interrupted (Ctrl-C) before anything was changed";

constexpr const char* in_place_text = "Copy over a file that cannot be replaced";

/// What is told of a subcommand.
struct Told {
  const char* name;
  const char* what;
  const char* example;  ///< without the program's name
};

/// Adds a subcommand that fills Options and has `run` do the rest when it is called.
template <class Options>
std::pair<CLI::App*, Options*> add(CLI::App& app, const Told& told, int (*run)(const Options&),
                                   int& status) {
  const auto options = std::make_shared<Options>();
  const std::string example = std::string("\n  tensorhold ") + told.example;
  CLI::App* const command = app.add_subcommand(told.name, told.what);
  command->footer("example:" + example + "\n\n" + exit_text);
  command->callback([options, run, &status] { status = run(*options); });
  app.footer(app.get_footer() + example);
  return {command, options.get()};
}

constexpr const char* files_text = "Safetensors files";
constexpr const char* json_text = "Print JSON";
constexpr const char* lenient_text = "Accept bytes at the end, and metadata of any kind";
constexpr const char* wide_text = "Shorten nothing to fit the terminal";

/// What the library makes of a minus sign here is a very large number.
std::string count_fault(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? "" : "wants a count, and \"" + printable(text) + "\" is none";
}

/// What a subcommand that reads has.
void add_read_options(CLI::App& command, ReadOptions& options) {
  command.add_flag("--lenient", options.lenient, lenient_text);
  command.add_option("--header-limit", options.header_limit, "The longest header, in bytes")
      ->check(count_fault)
      ->capture_default_str();
  command.add_flag("--json", options.json, json_text);
}

void add_readers(CLI::App& app, int& status) {
  {
    const auto [command, options] =
        add(app, {"ls", "List the tensors of a file", "ls model.safetensors --sort size"}, &run_ls,
            status);
    command->add_option("FILE", options->paths, files_text)->required();
    command->add_option("--sort", options->sort, "By name, offset or size (largest first)")
        ->check(CLI::IsMember({"name", "offset", "size"}))
        ->capture_default_str();
    command->add_flag("--wide", options->wide, wide_text);
    add_read_options(*command, *options);
  }
  {
    const auto [command, options] = add(app,
                                        {"show", "Show values and statistics of a tensor",
                                         "show model.safetensors embed.weight \"0:4, ::2\""},
                                        &run_show, status);
    command->add_option("FILE", options->path, "A safetensors file")->required();
    command->add_option("NAME", options->name, "A tensor of the file")->required();
    command->add_option("SLICE", options->slice, "A part of it, as in Python: \"0:4, ::2, -1\"");
    command->add_option("--also", options->others, "Another file, as often as wanted")
        ->type_name("FILE")
        ->allow_extra_args(false);
    command->add_option("--values", options->values, "Show at most so many values")
        ->check(count_fault)
        ->capture_default_str();
    add_read_options(*command, *options);
  }
  {
    const auto [command, options] =
        add(app, {"check", "Check whether files are valid", "check models/*.safetensors"},
            &run_check, status);
    command->add_option("FILE", options->paths, files_text)->required();
    command->add_flag("--quiet", options->quiet, "Say nothing of valid files");
    add_read_options(*command, *options);
  }
  {
    const auto [command, options] =
        add(app, {"holders", "Show which processes hold a file", "holders model.safetensors"},
            &run_holders, status);
    command->add_option("FILE", options->paths, "Files")->required();
    command->add_flag("--json", options->json, json_text);
  }
}

std::string pair_fault(const std::string& pair) {
  if (pair.find('=') != std::string::npos) return "";
  return "wants KEY=VALUE, and there is no = in \"" + printable(pair) + "\"";
}

/// Refuses what an edit would not heed. Not by the library's own means, which tells of them in
/// every line of the help.
void refuse_mixed(const CLI::App& meta) {
  constexpr std::array edits{"--set", "--set-file", "--from", "--remove"};
  for (const char* const shows : {"--get", "--lenient", "--header-limit"})
    for (const char* const edit : edits)
      if (meta.count(shows) != 0 && meta.count(edit) != 0) throw CLI::ExcludesError(shows, edit);
}

void add_meta(CLI::App& app, int& status) {
  const auto [command, options] =
      add(app, {"meta", "Show or edit metadata", "meta model.safetensors --set license=apache-2.0"},
          &run_meta, status);
  command->add_option("FILE", options->paths, files_text)->required();
  command->add_option("--get", options->get, "Print this key's value as it is")->type_name("KEY");
  command->add_option("--set", options->set, "A value, as often as wanted")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->check(pair_fault);
  command->add_option("--set-file", options->set_file, "A value from a file (-: standard input)")
      ->type_name("KEY=PATH")
      ->allow_extra_args(false)
      ->check(pair_fault);
  command->add_option("--from", options->from, "Pairs from JSON, as --json prints them")
      ->type_name("PATH");
  command->add_option("--remove", options->remove, "A key, as often as wanted")
      ->type_name("KEY")
      ->allow_extra_args(false);
  command->add_flag("--follow", options->follow,
                    "Edit what a symbolic link leads to, not the link");
  command->add_flag("--in-place", options->in_place, in_place_text);
  command->add_flag("--wide", options->wide, wide_text);
  add_read_options(*command, *options);
  command->parse_complete_callback([meta = command] { refuse_mixed(*meta); });
}

void add_writers(CLI::App& app, int& status) {
  {
    const auto [command, options] =
        add(app, {"rm", "Remove files, held or not", "rm old.safetensors"}, &run_rm, status);
    command->add_option("FILE", options->paths, "Files")->required();
    command->add_flag("--json", options->json, json_text);
  }
  {
    const auto [command, options] =
        add(app,
            {"mv", "Replace a file by another, atomically", "mv new.safetensors model.safetensors"},
            &run_mv, status);
    command->add_option("NEW", options->from, "The file that takes the name")->required();
    command->add_option("FILE", options->path, "The name")->required();
    command->add_flag("--in-place", options->in_place, in_place_text);
    command->add_flag("--force", options->force, "Move what is no valid file, too");
    command->add_flag("--json", options->json, json_text);
  }
  add_meta(app, status);
  {
    const auto [command, options] =
        add(app, {"demo", "Show on a file what tensorhold does", "demo model.safetensors"},
            &run_demo, status);
    command->add_option("FILE", options->path, "A safetensors file; it is not changed")->required();
    command->add_option("--work", options->work, "Folder for the demo's own files")
        ->check(CLI::ExistingDirectory);
  }
}

/// True, with a word on standard error, when what comes first is neither a subcommand nor an
/// option; the library would only ask for one.
bool refuse_unknown(const CLI::App& app, const std::string& first) {
  std::vector<std::string> known;
  const bool option = first.starts_with('-');
  if (option) {
    known = {"-h", "--help", "--version"};
  } else {
    for (const CLI::App* const command : app.get_subcommands({}))
      known.push_back(command->get_name());
  }
  if (std::ranges::find(known, first) != known.end()) return false;
  const char* const what = option ? "option" : "command";
  fmt::print(stderr, "tensorhold: there is no {} \"{}\"\n", what, printable(first));
  fmt::print(stderr, "The {}s are {}.\n\"tensorhold --help\" explains them.\n", what,
             fmt::join(known, ", "));
  return true;
}

/// "help ls" is "ls --help".
void translate_help(std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments[0] != "help") return;
  arguments.erase(arguments.begin());
  arguments.emplace_back("--help");
}

int run(std::vector<std::string> arguments) {
  CLI::App app{"Safetensors files, mapped, with control of the hold", "tensorhold"};
  app.set_version_flag("--version", "tensorhold " TENSORHOLD_VERSION);
  app.require_subcommand(1);
  app.allow_windows_style_options(false);  // a path may begin with a slash there, too
  app.footer("examples:");
  int status = success;
  add_readers(app, status);
  add_writers(app, status);
  app.footer(app.get_footer() + "\n\n" + exit_text);
  translate_help(arguments);
  if (!arguments.empty() && refuse_unknown(app, arguments[0])) return failure;
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
