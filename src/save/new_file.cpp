#include "save/new_file.hpp"

#include <optional>

#include "in_use/own_holds.hpp"
#include "os/file/file_info.hpp"
#include "recover/journal_recovery.hpp"
#include "recover/leftovers.hpp"
#include "save/save_over.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::io {
namespace {

/// A file whose edit was cut short is made whole first: the save may fail, and leaves it then.
void finish_edit_of(const os::Place& place) {
  if (os::is_link(place.path())) return;  // to be replaced; what it leads to is not touched
  try {
    finish_edit(place.path());
  } catch (const Error& error) {
    // The file is to be replaced, and its journal then goes with it.
    if (error.code() != Code::permission_denied) throw;
  }
}

os::Temporary create(const os::Place& place, std::uint64_t bytes, Reserve reserve) {
  finish_edit_of(place);
  remove_stale_temporaries(place);
  os::Temporary temporary = os::Temporary::create(place);
  if (reserve == Reserve::now) temporary.preallocate(bytes);
  return temporary;
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

void NewFile::put_in_place(const std::function<void()>& last_look, const os::Place* like) {
  temporary_.keep_attributes(like == nullptr ? place_ : *like);
  bool synced = true;
  if (durable_)
    synced = temporary_.sync();
  else
    temporary_.flush();
  engine_.refuse_stopped();  // a sync may take long
  const OldJournal journal(place_);
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
    if (last_look) last_look();
    synced = save_over(
        [this](std::uint64_t at, std::span<std::byte> out) { temporary_.read_at(at, out); }, place_,
        {.bytes = bytes_, .durable = durable_});
  }
  journal.drop();
  if (!durable_) return;
  place_.sync();
  if (!synced)
    throw Error({.code = Code::not_durable,
                 .reason = "the new file is in place, but the filesystem has no way to sync it",
                 .advice = "Turn durable off if that is enough, or choose another filesystem.",
                 .path = place_.path()});
}

}  // namespace tensorhold::io
