// tensorhold meta: a file's metadata, shown or edited.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/command.hpp"
#include "cli/files.hpp"
#include "cli/input/metadata_input.hpp"
#include "cli/output/console.hpp"
#include "cli/output/json.hpp"
#include "cli/output/progress.hpp"
#include "cli/output/text.hpp"
#include "tensorhold/edit.hpp"
#include "tensorhold/file.hpp"

namespace tensorhold::cli {
namespace {

/// What is given last wins over what a file of pairs has; within each a key stands once.
MetadataChanges changes_of(const MetaOptions& options) {
  MetadataChanges changes;
  for (const std::string& pair : options.set) changes.set.push_back(split_pair(pair));
  for (const std::string& pair : options.set_file) {
    auto [key, path] = split_pair(pair);
    changes.set.emplace_back(std::move(key), read_text(path));
  }
  if (!options.from.empty()) {
    const std::size_t given = changes.set.size();
    for (KeyValue& pair : read_pairs(options.from)) {
      const auto end = changes.set.begin() + static_cast<std::ptrdiff_t>(given);
      const bool is_given = std::any_of(changes.set.begin(), end, [&](const KeyValue& other) {
        return other.first == pair.first;
      });
      if (!is_given) changes.set.push_back(std::move(pair));
    }
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

void add_file(Json& json, const File& file, const Edited* edited) {
  json.begin_object().key("path").text(printable(file.path()));
  if (edited != nullptr) {
    json.key("changed").boolean(edited->changed).key("rewritten").boolean(edited->rewritten);
    json.key("shared").boolean(edited->shared).key("why").text(printable(edited->why));
  }
  json.key("metadata").begin_object();
  for (const auto& [key, value] : file.metadata()) json.key(key).text(value);
  json.end_object().end_object();
}

/// Whole values where a program may read them.
void print_metadata(const File& file, bool whole) {
  if (file.metadata().empty()) fmt::print("no metadata\n");
  for (const auto& [key, value] : file.metadata()) {
    const std::string line = printable(key) + " = " + printable(value);
    fmt::print("{}\n", whole ? line : shorten(line, screen_columns()));
  }
}

bool is_link(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_symlink(std::u8string(path.begin(), path.end()), ignored);
}

/// The value and nothing else, as a program wants it.
void print_value(const File& file, const std::string& key) {
  const std::optional<std::string_view> value = file.metadata(key);
  if (!value)
    throw Error({.code = Code::invalid_argument,
                 .reason = "the metadata has no key \"" + key + "\"",
                 .advice = "`tensorhold meta` lists what there is.",
                 .path = file.path()});
  fmt::print("{}{}", *value, output_is_terminal() ? "\n" : "");
}

int show(const MetaOptions& options, const std::string& path, Json& json) {
  const File file = open(path, {.lenient = options.lenient, .header_limit = options.header_limit});
  if (!options.get.empty())
    print_value(file, options.get);
  else if (options.json)
    add_file(json, file, nullptr);
  else
    print_metadata(file, options.wide || !output_is_terminal());
  return success;
}

Edited edit(const MetaOptions& options, const MetadataChanges& changes, const std::string& path) {
  ProgressBar bar("editing");  // many gigabytes may be copied where the header has no room
  return edit_metadata(path, changes,
                       {.follow_symlink = options.follow,
                        .progress = std::ref(bar),
                        .stop = stop_on_signals(),
                        .in_place = options.in_place});
}

int edit_and_tell(const MetaOptions& options, const MetadataChanges& changes,
                  const std::string& path, Json& json) {
  const bool link = !options.follow && is_link(path);
  const Edited edited = edit(options, changes, path);
  if (options.json)
    add_file(json, open(path), &edited);
  else
    fmt::print("{}: {}\n", printable(path), done_text(edited, link));
  return success;
}

/// What failed, and who is in the way. Of a valid file what was asked for is at fault: a key given
/// twice, or one that is not UTF-8.
int tell_refusal(const std::string& path, const Error& error) {
  print_error(error);
  for (const Holder& holder : error.holders())
    fmt::print(stderr, "  {:>7}  {}\n", holder.pid,
               shorten(printable(holder.command), screen_columns() - 11));
  const int status = exit_of(error.code());
  return status == invalid && try_open(path) ? failure : status;
}

/// The edits of several files are each of its own: one that fails leaves the others made.
int edit_all(const MetaOptions& options, const MetadataChanges& changes, Json& json) {
  int worst = success;
  if (options.paths.size() > 1) json.begin_array();
  for (const std::string& path : options.paths) {
    try {
      worst = std::max(worst, edit_and_tell(options, changes, path, json));
    } catch (const Error& error) {
      (void)std::fflush(stdout);
      worst = std::max(worst, tell_refusal(path, error));
      if (options.paths.size() == 1) continue;
      add_failed(json, path, error);
      if (error.code() == Code::cancelled) break;
    }
  }
  if (options.paths.size() > 1) json.end_array();
  return worst;
}

}  // namespace

int run_meta(const MetaOptions& options) {
  const bool edits = !options.set.empty() || !options.set_file.empty() || !options.from.empty() ||
                     !options.remove.empty();
  Json json;
  int status = success;
  if (edits) {
    MetadataChanges changes;
    try {
      changes = changes_of(options);
    } catch (const Error& error) {
      print_error(error);
      return failure;
    }
    status = edit_all(options, changes, json);
  } else {
    Json* const several = options.json ? &json : nullptr;
    status = for_each_file(options.paths, several,
                           [&](const std::string& path) { return show(options, path, json); });
  }
  if (options.json && !json.str().empty()) fmt::print("{}\n", json.str());
  return status;
}

}  // namespace tensorhold::cli
