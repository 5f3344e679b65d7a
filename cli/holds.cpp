// tensorhold holders, rm, mv: who holds a file, and changing it all the same.
#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <string>
#include <system_error>
#include <vector>

#include "cli/command.hpp"
#include "cli/console.hpp"
#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "cli/text.hpp"
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

void print_json(const Holders& found) {
  Json json;
  json.begin_object().key("holders").begin_array();
  for (const Holder& holder : found) {
    json.begin_object().key("pid").number(static_cast<std::uint64_t>(holder.pid));
    json.key("command").text(printable(holder.command)).key("how").text(how_text(holder.how));
    json.end_object();
  }
  json.end_array().key("unseen").number(std::uint64_t{found.unseen});
  json.key("proof").text(proof_text(found.proof)).end_object();
  fmt::print("{}\n", json.str());
}

void print_list(const std::vector<Holder>& list) {
  for (const Holder& holder : list)
    fmt::print("  {:>7}  {:<6}  {}\n", holder.pid, how_text(holder.how),
               shorten(printable(holder.command), 60));
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

Changed move(const MvOptions& options) {
  ProgressBar bar("copying");  // from another filesystem
  return replace(
      options.from, options.path,
      {.progress = std::ref(bar), .stop = stop_on_signals(), .in_place = options.in_place});
}

}  // namespace

int run_holders(const HoldersOptions& options) {
  // Nobody holds what is not there, but a path with a typing error in it is not free.
  std::error_code ignored;
  const std::u8string path(options.path.begin(), options.path.end());
  if (std::filesystem::status(path, ignored).type() == std::filesystem::file_type::not_found)
    throw Error({.code = Code::not_found,
                 .reason = "nothing stands at this path",
                 .advice = "Check the spelling, and that the folder exists.",
                 .path = options.path});
  const Holders found = holders(options.path);
  options.json ? print_json(found) : print_text(options.path, found);
  return success;
}

int run_rm(const RmOptions& options) {
  int worst = success;
  for (const std::string& path : options.paths) {
    try {
      const Holders before = holders(path);
      print_changed("removed, its name is free", path, remove(path));
      if (before.empty()) continue;
      fmt::print("Its bytes stay on the disk until these let go:\n");
      print_list(before.list);
    } catch (const Error& error) {
      (void)std::fflush(stdout);
      print_error(error);
      print_list({error.holders().begin(), error.holders().end()});
      worst = failure;
    }
  }
  return worst;
}

int run_mv(const MvOptions& options) {
  const Holders before = holders(options.path);
  print_changed("replaced in one step, synced to the disk", options.path, move(options));
  if (before.empty()) return success;
  fmt::print("These still have the old file, and keep its bytes:\n");
  print_list(before.list);
  return success;
}

}  // namespace tensorhold::cli
