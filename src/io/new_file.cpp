#include "io/new_file.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "hold/registry.hpp"
#include "hold/release.hpp"
#include "io/cleanup.hpp"
#include "io/journal.hpp"
#include "io/own_holds.hpp"
#include "os/look.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::io {
namespace {

constexpr std::uint64_t piece_bytes = std::uint64_t{8} << 20;
constexpr std::size_t length_bytes = 8;  // that a file begins with

/// A file whose edit was cut short is made whole first: the save may fail, and leaves it then.
void finish_edit_of(const os::Place& place) {
  if (os::is_link(place.path())) return;  // to be replaced; what it leads to is not touched
  if (!finish_edit(place.path())) drop_journal(place);
}

os::Temporary create(const os::Place& place, std::uint64_t bytes, Reserve reserve) {
  finish_edit_of(place);
  remove_stale_temporaries(place);
  os::Temporary temporary = os::Temporary::create(place);
  if (reserve == Reserve::now) temporary.preallocate(bytes);
  return temporary;
}

/// What a filesystem without a rename onto another file may answer.
bool refuses_renames(Code code) noexcept {
  return code == Code::unsupported || code == Code::permission_denied || code == Code::file_in_use;
}

void write_one(const os::Output& to, std::uint64_t at, std::span<const std::byte> bytes) {
  to.write_at(at, {&bytes, 1});
}

/// Copies [begin, end) from one file to the same place of another.
void copy(const os::Output& from, const os::Output& to, std::uint64_t begin, std::uint64_t end) {
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(piece_bytes, end - begin)));
  while (begin < end) {
    const auto part =
        std::span(piece).first(static_cast<std::size_t>(std::min(piece_bytes, end - begin)));
    from.read_at(begin, part);
    write_one(to, begin, part);
    begin += part.size();
  }
}

/// SaveOptions::in_place. False: the filesystem has no way to sync.
bool copy_over(const os::Output& from, std::uint64_t bytes, const os::Place& place, bool durable) {
  (void)hold::release(hold::sources_of(place.path()), {});
  os::Output to = os::Output::open(place.path(), os::Output::Missing::create);
  const std::uint64_t old_bytes = to.status().size;
  to.preallocate(bytes);
  if (old_bytes > bytes && !to.resize(bytes))
    throw Error({.code = Code::unsupported,
                 .reason = "the filesystem can neither rename a file onto another nor shorten one",
                 .advice = "Remove the file first, or save on another filesystem.",
                 .path = place.path()});
  // From here on the file is invalid, and known to be: its length field is 0.
  write_one(to, 0, std::array<std::byte, length_bytes>{});
  copy(from, to, length_bytes, bytes);
  if (durable && !to.sync()) durable = false;
  copy(from, to, 0, length_bytes);
  if (durable) return to.sync();
  to.flush();
  return false;
}

}  // namespace

NewFile::NewFile(const std::string& path, std::uint64_t bytes, const SaveOptions& options,
                 Reserve reserve)
    : place_(os::Place::of(path, options.follow_symlink)),
      temporary_(create(place_, bytes, reserve)),
      engine_(temporary_, bytes, options),
      bytes_(bytes),
      durable_(options.durable),
      in_place_(options.in_place) {}

void NewFile::put_in_place(const std::function<void()>& last_look) {
  temporary_.keep_attributes();
  bool synced = true;
  if (durable_)
    synced = temporary_.sync();
  else
    temporary_.flush();
  engine_.refuse_stopped();  // a sync may take long
  try {
    change_held(place_.path(), [&] {
      if (last_look) last_look();
      temporary_.put_in_place();
    });
  } catch (const Error& error) {
    if (!in_place_ || !refuses_renames(error.code())) throw;
    const std::optional<os::FileStatus> there = place_.status();
    // Never through a link that was to be replaced.
    if (there && there->kind != os::FileKind::regular) throw;
    synced = copy_over(temporary_, bytes_, place_, durable_);
  }
  if (!durable_) return;
  place_.sync();
  if (!synced)
    throw Error({.code = Code::not_durable,
                 .reason = "the new file is in place, but the filesystem has no way to sync it",
                 .advice = "Turn durable off if that is enough, or choose another filesystem.",
                 .path = place_.path()});
}

}  // namespace tensorhold::io
