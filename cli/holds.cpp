// tensorhold holders, rm, mv: who holds a file, and changing it all the same.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/command.hpp"
#include "cli/files.hpp"
#include "cli/output/console.hpp"
#include "cli/output/json.hpp"
#include "cli/output/progress.hpp"
#include "cli/output/text.hpp"
#include "tensorhold/file.hpp"
#include "tensorhold/hold.hpp"

namespace tensorhold::cli {
namespace {

const char* how_text(Holder::How how) {
  switch (how) {
    case Holder::How::mapped:
      return "mapped";
    case Holder::How::open:
      return "open";
    case Holder::How::unknown:
      return "held";
  }
  return "held";
}

const char* proof_text(HoldProof proof) {
  switch (proof) {
    case HoldProof::held:
      return "held";
    case HoldProof::free:
      return "free";
    case HoldProof::unknown:
      return "unknown";
  }
  return "unknown";
}

void add_list(Json& json, const std::vector<Holder>& list) {
  json.begin_array();
  for (const Holder& holder : list) {
    json.begin_object().key("pid").number(static_cast<std::uint64_t>(holder.pid));
    json.key("command").text(printable(holder.command)).key("how").text(how_text(holder.how));
    json.end_object();
  }
  json.end_array();
}

void add_found(Json& json, const std::string& path, const Holders& found) {
  json.begin_object().key("path").text(printable(path)).key("holders");
  add_list(json, found.list);
  json.key("unseen").number(std::uint64_t{found.unseen});
  json.key("proof").text(proof_text(found.proof)).end_object();
}

void print_list(const std::vector<Holder>& list) {
  for (const Holder& holder : list)
    fmt::print("  {:>7}  {:<6}  {}\n", holder.pid, how_text(holder.how),
               shorten(printable(holder.command), screen_columns() - 19));
}

void print_text(const std::string& path, const Holders& found) {
  if (!found.empty()) fmt::print("      PID  HOW     COMMAND\n");
  print_list(found.list);
  if (found.proof == HoldProof::free)
    fmt::print("Nobody holds {}.\n", printable(path));
  else if (found.empty() && found.proof == HoldProof::held)
    fmt::print("Somebody holds {}, but not among the processes that can be seen.\n",
               printable(path));
  else if (found.empty())
    fmt::print("No process that can be seen holds {}.\n", printable(path));
  if (found.unseen != 0 && found.proof != HoldProof::free)
    fmt::print("{} process{} of others could not be looked into.\n", found.unseen,
               found.unseen == 1 ? "" : "es");
}

void print_changed(const std::string& what, const std::string& path, const Changed& changed) {
  if (!changed.moved_to.empty())
    fmt::print("{}: {}; others still hold it, so it waits as {}\n", printable(path), what,
               printable(changed.moved_to));
  else
    fmt::print("{}: {}\n", printable(path), what);
}

/// What was done to a path, in JSON; `before`: who held the old file and keeps its bytes.
void add_changed(Json& json, const std::string& path, const Changed& changed,
                 const Holders& before) {
  json.begin_object().key("path").text(printable(path)).key("moved_to");
  changed.moved_to.empty() ? json.null() : json.text(printable(changed.moved_to));
  json.key("released").boolean(changed.released).key("holders");
  add_list(json, before.list);
  json.end_object();
}

/// What takes a model's place must be one, too: the old one is gone afterwards. True, with the
/// reason on standard error, when it is none and nobody insists.
bool refuse_invalid(const MvOptions& options) {
  if (options.force) return false;
  const Result<File> file = try_open(options.from, {.access = Access::owned});
  if (file) return false;
  if (exit_of(file.error().code()) != invalid) throw Error(file.error());
  print_error(file.error());
  fmt::print(stderr, "Nothing was moved. The option --force moves it all the same.\n");
  return true;
}

Changed move(const MvOptions& options) {
  ProgressBar bar("copying");  // from another filesystem
  return replace(
      options.from, options.path,
      {.progress = std::ref(bar), .stop = stop_on_signals(), .in_place = options.in_place});
}

}  // namespace

int run_holders(const HoldersOptions& options) {
  Json json;
  const auto tell = [&](const std::string& path) {
    // Nobody holds what is not there, but a path with a typing error in it is not free.
    std::error_code ignored;
    const std::u8string name(path.begin(), path.end());
    if (std::filesystem::status(name, ignored).type() == std::filesystem::file_type::not_found)
      throw Error({.code = Code::not_found,
                   .reason = "nothing stands at this path",
                   .advice = "Check the spelling, and that the folder exists.",
                   .path = path});
    const Holders found = holders(path);
    options.json ? add_found(json, path, found) : print_text(path, found);
    return success;
  };
  const int status = for_each_file(options.paths, options.json ? &json : nullptr, tell);
  if (options.json) fmt::print("{}\n", json.str());
  return status;
}

int run_rm(const RmOptions& options) {
  int worst = success;
  Json json;
  json.begin_array();
  for (const std::string& path : options.paths) {
    try {
      const Holders before = holders(path);
      const Changed changed = remove(path);
      if (options.json) {
        add_changed(json, path, changed, before);
        continue;
      }
      print_changed("removed, its name is free", path, changed);
      if (before.empty()) continue;
      fmt::print("Its bytes stay on the disk until these let go:\n");
      print_list(before.list);
    } catch (const Error& error) {
      (void)std::fflush(stdout);
      print_error(error);
      worst = failure;
      if (!options.json) {
        print_list({error.holders().begin(), error.holders().end()});
        continue;
      }
      add_failed(json, path, error);
    }
  }
  if (options.json) fmt::print("{}\n", json.end_array().str());
  return worst;
}

int run_mv(const MvOptions& options) {
  if (refuse_invalid(options)) return invalid;
  const Holders before = holders(options.path);
  const Changed changed = move(options);
  if (options.json) {
    Json json;
    add_changed(json, options.path, changed, before);
    fmt::print("{}\n", json.str());
    return success;
  }
  print_changed("replaced in one step, synced to the disk", options.path, changed);
  if (before.empty()) return success;
  fmt::print("These still have the old file, and keep its bytes:\n");
  print_list(before.list);
  return success;
}

}  // namespace tensorhold::cli
