// What the subcommands share: how they are added, how they end, where they print.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "tensorhold/error.hpp"

namespace tensorhold::cli {

/// Exit status of every subcommand.
enum Exit : int {
  success = 0,
  invalid = 1,  ///< a file is not what it should be
  failure = 2   ///< usage, or the system refused something
};

/// The status that stands for an error: `invalid` for what is wrong with a file's contents.
[[nodiscard]] Exit exit_of(Code code) noexcept;

/// Prints an error on standard error: one line with what is wrong, one with what to do.
void print_error(const Error& error);

/// Each adds its subcommand to `app` and, when it is the one that is called, sets `status`.
void add_check(CLI::App& app, int& status);
void add_demo(CLI::App& app, int& status);
void add_holders(CLI::App& app, int& status);
void add_ls(CLI::App& app, int& status);
void add_meta(CLI::App& app, int& status);
void add_mv(CLI::App& app, int& status);
void add_rm(CLI::App& app, int& status);
void add_show(CLI::App& app, int& status);

}  // namespace tensorhold::cli
