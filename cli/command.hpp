// The subcommands, what each is asked for, and how they end. main.cpp makes them of the command
// line, and is the only file that sees its library, which takes long to compile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/output/json.hpp"
#include "tensorhold/error.hpp"
#include "tensorhold/options.hpp"

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

/// The members of an error, into a JSON object that is open: code, reason, advice, tensor and
/// offset (null for none).
void add_error(Json& json, const Error& error);

/// The JSON of a file that failed: its path and its error.
void add_failed(Json& json, const std::string& path, const Error& error);

/// What the subcommands that only read have in common.
struct ReadOptions {
  bool lenient = false;
  std::uint64_t header_limit = default_header_limit;
  bool json = false;
};

struct CheckOptions : ReadOptions {
  std::vector<std::string> paths;
  bool quiet = false;  ///< valid files are not worth a line
};
struct DemoOptions {
  std::string path;
  std::string work;  ///< folder for the demo's own files; empty: the system's for temporaries
};
struct HoldersOptions {
  std::vector<std::string> paths;
  bool json = false;
};
struct LsOptions : ReadOptions {
  std::vector<std::string> paths;
  std::string sort = "name";  ///< or "offset" or "size"
  bool wide = false;
};
/// `lenient` and `header_limit`: only to show.
struct MetaOptions : ReadOptions {
  std::vector<std::string> paths;
  std::vector<std::string> set;       ///< each KEY=VALUE
  std::vector<std::string> set_file;  ///< each KEY=PATH of the value
  std::string from;                   ///< JSON file of pairs; empty: none
  std::vector<std::string> remove;
  std::string get;  ///< key of the value that is printed as it is; empty: not asked for
  bool follow = false;
  bool in_place = false;
  bool wide = false;
};
struct MvOptions {
  std::string from;
  std::string path;
  bool in_place = false;
  bool force = false;  ///< also what is no valid file
  bool json = false;
};
struct RmOptions {
  std::vector<std::string> paths;
  bool json = false;
};
struct ShowOptions : ReadOptions {
  std::string path;
  std::string name;
  std::string slice;                ///< as in Python; empty: all
  std::vector<std::string> others;  ///< files to show the same of
  std::size_t values = 24;
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
