#include "os/replace.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/boundary.hpp"
#include "io/cleanup.hpp"
#include "io/own_holds.hpp"
#include "os/file.hpp"
#include "os/remove.hpp"
#include "os/write.hpp"
#include "tensorhold/hold.hpp"

namespace tensorhold {
inline namespace v0 {
namespace {

void refuse_stopped(const ReplaceOptions& options, const std::string& path) {
  if (options.stop.stop_requested())
    throw Error({.code = Code::cancelled,
                 .reason = "the replacement was cancelled; both files are as they were",
                 .path = path});
}

void copy_into(os::Temporary& temporary, const os::File& from, std::uint64_t bytes,
               const ReplaceOptions& options) {
  constexpr std::size_t piece_bytes = std::size_t{8} << 20;
  std::vector<std::byte> piece(
      static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, bytes)));
  for (std::uint64_t at = 0; at < bytes; at += piece.size()) {
    refuse_stopped(options, temporary.path());
    const auto part = std::span(piece).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), bytes - at)));
    from.read_at(at, part);
    const std::span<const std::byte> bytes_read = part;
    temporary.write_at(at, {&bytes_read, 1});
    if (options.progress) options.progress(at + part.size(), bytes);
  }
}

/// The end of a move by copy: the file that was copied goes.
bool remove_original(const std::string& from) {
  try {
    return io::change_held(from, [&] { os::remove_file(from, os::Patience::scanner); });
  } catch (const Error& error) {
    ErrorInfo info = error.info();
    info.reason = "a copy has taken the new name, but the original stays: " + info.reason;
    info.advice = "Remove the original yourself.";
    throw Error(std::move(info));
  }
}

/// From another filesystem: a copy takes the name, then the original goes.
bool replace_by_copy(const std::string& from, const os::Place& place, const ReplaceOptions& options,
                     bool& released) {
  std::optional<os::File> source = os::File::open_read(from);
  const std::uint64_t bytes = source->status().size;
  os::Temporary temporary = os::Temporary::create(place);
  temporary.preallocate(bytes);
  copy_into(temporary, *source, bytes, options);
  source.reset();  // an open handle is a hold as well
  temporary.keep_attributes();
  bool synced = true;
  if (options.durable)
    synced = temporary.sync();
  else
    temporary.flush();
  refuse_stopped(options, place.path());  // a sync may take long
  released = io::change_held(place.path(), [&] { temporary.put_in_place(); });
  if (options.durable) place.sync();
  if (remove_original(from)) released = true;
  return synced;
}

Changed replace_file(const std::string& from, const std::string& path,
                     const ReplaceOptions& options) {
  Changed changed;
  const os::Place place = os::Place::of(path, /*follow_symlink=*/false);
  const os::Place source = os::Place::of(from, /*follow_symlink=*/false);
  io::remove_stale_temporaries(place);
  bool synced = !options.durable || os::sync_file(from);
  refuse_stopped(options, place.path());
  bool moved = false;
  changed.released = io::change_held(place.path(), [&] { moved = os::replace_file(from, place); });
  if (!moved) synced = replace_by_copy(from, place, options, changed.released);
  if (!options.durable) return changed;
  place.sync();
  source.sync();
  if (!synced)
    throw Error({.code = Code::not_durable,
                 .reason = "the new file is in place, but the filesystem has no way to sync it",
                 .advice = "Turn durable off if that is enough, or choose another filesystem.",
                 .path = place.path()});
  return changed;
}

}  // namespace

Changed replace(const Path& from, const Path& path, const ReplaceOptions& options) {
  return base::raising("replacing a file",
                       [&] { return replace_file(from.string(), path.string(), options); });
}

}  // namespace v0
}  // namespace tensorhold
