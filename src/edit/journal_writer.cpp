#include "edit/journal_writer.hpp"

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/checked.hpp"
#include "base/fnv.hpp"
#include "hold/source/lost_bytes.hpp"
#include "os/disk/share.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "os/replace/temporary.hpp"
#include "recover/journal.hpp"
#include "recover/journal_recovery.hpp"
#include "save/save_engine.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::io {
namespace {

/// A change whose journal has the old bytes too, and sums of all.
bool is_small(const Change& change) noexcept { return !change.before.empty(); }

/// Of the bytes that the change is to write over.
std::vector<std::byte> read_samples(const os::Output& target, const Change& change) {
  const Samples places(change.after.size());
  std::vector<std::byte> read(static_cast<std::size_t>(places.count * places.bytes));
  for (std::uint64_t i = 0; i < places.count; ++i)
    target.read_at(change.at + places.offset(i),
                   std::span(read).subspan(static_cast<std::size_t>(i * places.bytes),
                                           static_cast<std::size_t>(places.bytes)));
  return read;
}

/// Until writes get a later time than `modified`, which the file has: who reads beside the edit
/// sees it by the time, which the journal tells, being of the same filesystem. A tick of the
/// system's clock at most, where the file was written just now; seconds on FAT. A time of the file
/// in the future differs from what it will get.
void wait_for_later_time(const os::Temporary& journal, std::span<const std::byte> head,
                         std::int64_t modified) {
  constexpr std::int64_t coarsest_ns = 3'000'000'000;
  for (int turn = 0; turn < 4000; ++turn) {
    const std::int64_t now = journal.status().modified_ns;
    if (now > modified || modified - now > coarsest_ns) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    journal.write_at(0, {&head, 1});
  }
}

/// Puts the journal of `change` in place.
void write_journal(const os::Place& place, const std::string& name, const os::Output& target,
                   std::span<const std::byte> prefix, const Change& change,
                   const SaveOptions& options) {
  const os::FileStatus status = target.status();
  const std::vector<std::byte> samples =
      is_small(change) ? std::vector<std::byte>() : read_samples(target, change);
  const std::span<const std::byte> before = is_small(change) ? change.before : std::span(samples);
  const std::uint64_t block = os::share_alignment;
  const std::uint64_t used = head_bytes + before.size();
  const std::uint64_t after_at = used + (change.at % block + block - used % block) % block;
  const auto head = encode(
      {.file = status.identity.file,
       .file_high = status.identity.file_high,
       .born = os::birth_mark(target.native()),
       .modified = static_cast<std::uint64_t>(status.modified_ns),
       .file_bytes = status.size,
       .prefix_bytes = prefix.size(),
       .prefix_sum = base::fnv1a(prefix),
       .at = change.at,
       .nbytes = change.after.size(),
       .before_at = head_bytes,
       .samples = is_small(change) ? 0 : Samples(change.after.size()).count,
       .after_at = after_at,
       .bytes_sum = is_small(change) ? base::fnv1a(change.before) ^ base::fnv1a(change.after) : 0});
  const std::vector<std::byte> gap(static_cast<std::size_t>(after_at - used));
  const auto total = base::checked_add(after_at, change.after.size());
  if (!total) throw Error({.code = Code::shape_overflow, .reason = "the edit is too large"});
  os::Temporary temporary = os::Temporary::create(place);
  temporary.preallocate(*total);
  SaveEngine engine(temporary, *total, options);
  engine.write(std::array{Piece{.at = 0, .bytes = head}, Piece{.at = head_bytes, .bytes = before},
                          Piece{.at = used, .bytes = gap},
                          Piece{.at = after_at, .bytes = change.after, .dtype = change.dtype}});
  hold::LostBytes().refuse(change.after, place.path(), {});
  wait_for_later_time(temporary, head, status.modified_ns);
  temporary.keep_attributes();
  // One that its sums do not vouch for takes its name when it is whole on the disk; the other way
  // round costs the disk one step less.
  if (!is_small(change))
    (void)temporary.sync();
  else if (!options.durable)
    temporary.flush();
  temporary.put_in_place_as(name);
}

[[noreturn]] void raise_cleaned_away(const os::Place& place) {
  throw Error({.code = Code::replaced,
               .reason = "the file was replaced by another while this edit was made",
               .advice = "Edit again.",
               .path = place.path()});
}

/// A journal whose bytes or name may be lost is none: an edit begins when both are on the disk.
/// Where the folder has no way to be synced, the sync at the end says so.
void sync_journal(const os::Place& place, const std::string& name, const Change& change) {
  try {
    if (is_small(change)) os::sync_beside(place, name);
    place.sync();
  } catch (const Error& error) {
    if (error.code() == Code::not_found) raise_cleaned_away(place);
    if (error.code() != Code::not_durable) throw;
    if (os::is_no_failure(error.os_error())) return;
    ErrorInfo info = error.info();
    info.code = Code::io_error;
    info.reason =
        "cannot sync the folder, where the journal of the edit has its name; the file is "
        "as it was";
    info.advice = "Check the disk and the connection to it, then edit again.";
    throw Error(std::move(info));
  }
}

/// From the memory that the journal was written from, unless that is gone meanwhile. Nothing may
/// stop it any more.
void apply(const Journal& journal, os::Output& target, const Change& change,
           const SaveOptions& options) {
  if (journal.apply_shared(target)) return;
  SaveEngine engine(target, change.after.size(),
                    {.durable = options.durable, .threads = options.threads});
  try {
    engine.write(std::array{Piece{.at = change.at, .bytes = change.after, .dtype = change.dtype}});
  } catch (const Error& error) {
    if (error.code() != Code::truncated) throw;
    return journal.apply(target);
  }
  if (hold::LostBytes().any_of(change.after)) journal.apply(target);
}

[[noreturn]] void raise_unfinished(const Error& error) {
  ErrorInfo info = error.info();
  info.reason += ", in the middle of an edit";
  info.advice = "The next open of the file finishes the edit, from the journal beside it.";
  throw Error(std::move(info));
}

/// Before a byte of the file was written. False: the journal stays.
bool withdraw(const os::Place& place, const std::string& name) {
  return os::remove_beside(place, name) || !os::status_beside(place, name);
}

}  // namespace

bool may_have_journal(const os::Place& place, const os::Output& target) {
  const std::string name = os::make_journal_name(place.name(), target.status().identity);
  if (!os::status_beside(place, name)) return true;
  const std::optional<os::Beside> there = os::open_beside(place, name, target.native());
  return there && there->trust == os::Trust::whole;
}

void change_in_place(const os::Place& place, os::Output& target, std::span<const std::byte> prefix,
                     const Change& change, const SaveOptions& options,
                     const std::function<void()>& last_look) {
  const auto end = base::checked_add(change.at, change.after.size());
  if (!end) throw Error({.code = Code::shape_overflow, .reason = "the edit is too large"});
  target.refuse_limit(*end);
  const std::string name = os::make_journal_name(place.name(), target.status().identity);
  write_journal(place, name, target, prefix, change, options);
  bool synced = true;
  std::optional<Journal> journal;
  std::optional<os::MomentLock> moment;
  try {
    if (options.durable) sync_journal(place, name, change);
    journal = Journal::find(place, JournalTarget(target));
    // Who cleans up takes that of a file which is gone.
    if (!journal) raise_cleaned_away(place);
    moment.emplace(take_moment(target.native(), os::LockMode::exclusive, place.path()));
    last_look();
  } catch (const Error& error) {
    journal.reset();
    if (!withdraw(place, name) && error.code() != Code::replaced) raise_unfinished(error);
    throw;
  }
  try {
    apply(*journal, target, change, options);
    if (options.durable)
      synced = target.sync_bytes();
    else
      target.flush();
  } catch (const Error& error) {
    raise_unfinished(error);
  }
  journal.reset();
  // Where it stays, the next open writes the same bytes again.
  (void)os::remove_beside(place, name);
  moment.reset();
  if (!options.durable) return;
  // The journal may come back with a power cut. A small one sees by the bytes whether it is still
  // wanted, so its end need not be waited for.
  if (!is_small(change)) place.sync();
  if (!synced)
    throw Error({.code = Code::not_durable,
                 .reason = "the edit is in place, but the filesystem has no way to sync it",
                 .advice = "Turn durable off if that is enough, or choose another filesystem.",
                 .path = place.path()});
}

}  // namespace tensorhold::io
