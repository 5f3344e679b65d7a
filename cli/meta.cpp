// tensorhold meta: a file's metadata, shown or edited.
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
#include "tensorhold/edit.hpp"
#include "tensorhold/file.hpp"

namespace tensorhold::cli {
namespace {

MetadataChanges changes_of(const MetaOptions& options) {
  MetadataChanges changes;
  for (const std::string& pair : options.set) {
    const std::size_t sign = pair.find('=');
    changes.set.emplace_back(pair.substr(0, sign), pair.substr(sign + 1));
  }
  changes.remove = options.remove;
  return changes;
}

/// `link`: one stands at the path, and is not followed.
std::string done_text(const Edited& edited, bool link) {
  if (edited.rewritten && link)
    return "a new file took the place of the link (--follow edits its target)";
  if (!edited.changed) return "nothing to change, the metadata is so already";
  if (!edited.rewritten) return "edited in place; the tensors were not touched";
  return "rewritten, because " + printable(edited.why) +
         (edited.shared ? "; the tensors' bytes are shared on the disk"
                        : "; the tensors were copied");
}

void print_json(const File& file, const Edited* edited) {
  Json json;
  json.begin_object();
  if (edited != nullptr)
    json.key("changed").boolean(edited->changed).key("rewritten").boolean(edited->rewritten);
  json.key("metadata").begin_object();
  for (const auto& [key, value] : file.metadata()) json.key(key).text(value);
  json.end_object().end_object();
  fmt::print("{}\n", json.str());
}

/// Whole values where a program may read them.
void print_metadata(const File& file, bool whole) {
  if (file.metadata().empty()) fmt::print("no metadata\n");
  for (const auto& [key, value] : file.metadata()) {
    const std::string line = printable(key) + " = " + printable(value);
    fmt::print("{}\n", whole ? line : shorten(line, screen_columns));
  }
}

bool is_link(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_symlink(std::u8string(path.begin(), path.end()), ignored);
}

Edited edit(const MetaOptions& options) {
  ProgressBar bar("editing");  // many gigabytes may be copied where the header has no room
  return edit_metadata(options.path, changes_of(options),
                       {.follow_symlink = options.follow,
                        .progress = std::ref(bar),
                        .stop = stop_on_signals(),
                        .in_place = options.in_place});
}

}  // namespace

int run_meta(const MetaOptions& options) {
  if (options.set.empty() && options.remove.empty()) {
    const File file = open(options.path, {.lenient = options.lenient});
    options.json ? print_json(file, nullptr)
                 : print_metadata(file, options.wide || !output_is_terminal());
    return success;
  }
  const bool link = !options.follow && is_link(options.path);
  try {
    const Edited edited = edit(options);
    if (options.json)
      print_json(open(options.path), &edited);
    else
      fmt::print("{}: {}\n", printable(options.path), done_text(edited, link));
    return success;
  } catch (const Error& error) {
    print_error(error);
    for (const Holder& holder : error.holders())
      fmt::print(stderr, "  {:>7}  {}\n", holder.pid, shorten(printable(holder.command), 60));
    const int status = exit_of(error.code());
    // Of a valid file, what was asked for is at fault: a key given twice, or one that is not UTF-8.
    return status == invalid && try_open(options.path) ? failure : status;
  }
}

}  // namespace tensorhold::cli
