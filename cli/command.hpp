// The subcommands, what each is asked for, and how they end. main.cpp makes them of the command
// line, and is the only file that sees its library, which takes long to compile.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tensorhold/error.hpp"

namespace tensorhold::cli {

/// Exit status of every subcommand.
enum Exit : int {
  success = 0,
  invalid = 1,  ///< a file is not what it should be
  failure = 2   ///< usage, or the system refused something
};

/// The status that stands for an error: `invalid` for what is wrong with a file's contents; for
/// what a signal cancelled, 128 and its number.
[[nodiscard]] int exit_of(Code code) noexcept;

/// What to do about an error, for somebody who has the command and not the library. Printable.
[[nodiscard]] std::string advice_of(const Error& error);

/// Prints an error on standard error: one line with what is wrong, one with what to do.
void print_error(const Error& error);

struct CheckOptions {
  std::vector<std::string> paths;
  bool lenient = false;
  bool json = false;
};
struct DemoOptions {
  std::string path;
  std::string work;  ///< folder for the demo's own files; empty: the system's for temporaries
};
struct HoldersOptions {
  std::string path;
  bool json = false;
};
struct LsOptions {
  std::string path;
  std::string sort = "name";  ///< or "offset" or "size"
  bool json = false;
  bool wide = false;
  bool lenient = false;
};
struct MetaOptions {
  std::string path;
  std::vector<std::string> set;  ///< each KEY=VALUE
  std::vector<std::string> remove;
  bool follow = false;
  bool in_place = false;
  bool wide = false;
  bool lenient = false;  ///< only to show
  bool json = false;
};
struct MvOptions {
  std::string from;
  std::string path;
  bool in_place = false;
};
struct RmOptions {
  std::vector<std::string> paths;
};
struct ShowOptions {
  std::string path;
  std::string name;
  std::string slice;  ///< as in Python; empty: all
  std::size_t values = 24;
  bool lenient = false;
  bool json = false;
};

/// Each does what its subcommand does and returns the exit status. Raises tensorhold::Error.
int run_check(const CheckOptions& options);
int run_demo(const DemoOptions& options);
int run_holders(const HoldersOptions& options);
int run_ls(const LsOptions& options);
int run_meta(const MetaOptions& options);
int run_mv(const MvOptions& options);
int run_rm(const RmOptions& options);
int run_show(const ShowOptions& options);

}  // namespace tensorhold::cli
