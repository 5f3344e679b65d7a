#include "os/replace/replace.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/boundary.hpp"
#include "base/fnv.hpp"
#include "in_use/own_holds.hpp"
#include "os/file/file.hpp"
#include "os/replace/remove.hpp"
#include "os/replace/temporary.hpp"
#include "recover/journal_recovery.hpp"
#include "recover/leftovers.hpp"
#include "save/save_over.hpp"
#include "tensorhold/hold.hpp"
#include "transfer/copy_range.hpp"

namespace tensorhold {
inline namespace v0 {
namespace {

void refuse_stopped(const ReplaceOptions& options, const std::string& path) {
  if (options.stop.stop_requested())
    throw Error({.code = Code::cancelled,
                 .reason = "the replacement was cancelled; both files are as they were",
                 .path = path});
}

/// Files whose sync failed, as they were then. Systems tell of lost bytes once: the next sync of
/// such a file succeeds, and another process that only looks does not know. The last few are
/// remembered.
class LostFiles {
 public:
  void add(const os::FileStatus& file) noexcept {
    sums_[next_++ % sums_.size()].store(sum_of(file));
  }
  [[nodiscard]] bool has(const os::FileStatus& file) const noexcept {
    return std::ranges::any_of(sums_,
                               [sum = sum_of(file)](const auto& lost) { return lost == sum; });
  }

 private:
  // The times too: a file that was written anew is another one.
  [[nodiscard]] static std::uint64_t sum_of(const os::FileStatus& file) noexcept {
    const std::array<std::uint64_t, 5> parts{file.identity.device, file.identity.file,
                                             file.identity.file_high, file.size,
                                             static_cast<std::uint64_t>(file.modified_ns)};
    return base::fnv1a(std::as_bytes(std::span(parts))) | 1U;  // 0 is none
  }

  std::array<std::atomic<std::uint64_t>, 64> sums_{};
  std::atomic<std::size_t> next_ = 0;
};

/// os::sync_file(). After it failed once, only a file that was written anew is synced again.
bool sync_source(const std::string& path) {
  constinit static LostFiles lost;
  const std::optional<os::FileStatus> status = os::status_at(path);
  if (status && lost.has(*status))
    throw Error({.code = Code::io_error,
                 .reason = "a sync of the file failed before: what was written to it may be lost, "
                           "and a second sync would not tell",
                 .advice = "Write the file anew, then replace.",
                 .path = path});
  try {
    return os::sync_file(path);
  } catch (const Error& error) {
    const bool bytes = error.code() == Code::io_error || error.code() == Code::no_space;
    if (status && bytes) lost.add(*status);
    throw;
  }
}

/// The file that moves, where it has to be copied; an open handle is a hold as well.
class Moving {
 public:
  explicit Moving(const std::string& path)
      : file_(os::File::open_read(path)), status_(file_.status()) {
    if (status_.kind != os::FileKind::regular)
      throw Error({.code = Code::not_a_file,
                   .reason = "only regular files can be moved to another filesystem",
                   .advice = "Give the path of a file.",
                   .path = path});
  }

  [[nodiscard]] const os::File& file() const noexcept { return file_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return status_.size; }
  [[nodiscard]] os::Identity identity() const noexcept { return status_.identity; }
  /// For os::File::read_at().
  [[nodiscard]] io::ReadAt reader() const {
    return [this](std::uint64_t at, std::span<std::byte> out) { file_.read_at(at, out); };
  }

 private:
  os::File file_;
  os::FileStatus status_;
};

void copy_into(os::Temporary& temporary, const Moving& from, const ReplaceOptions& options) {
  constexpr std::uint64_t piece_bytes = std::uint64_t{8} << 20;
  const std::uint64_t bytes = from.bytes();
  // Holes stay holes: a sparse file may be larger than the disk.
  const bool sparse = io::has_holes(from.file(), 0, bytes) && temporary.resize(bytes);
  if (!sparse) temporary.preallocate(bytes);
  for (std::uint64_t at = 0; at < bytes;) {
    refuse_stopped(options, temporary.path());
    const std::uint64_t part = std::min(piece_bytes, bytes - at);
    (sparse ? io::copy_data : io::copy_bytes)(from.file(), at, temporary, at, part);
    at += part;
    if (options.progress) options.progress(at, bytes);
  }
}

[[noreturn]] void raise_stays(ErrorInfo info) {
  info.reason = "a copy has taken the new name, but the original stays: " + info.reason;
  info.advice = "Remove the original yourself.";
  throw Error(std::move(info));
}

/// The end of a move by copy: the file that was copied goes, and no other that took its name.
bool remove_original(const std::string& from, const os::Identity& copied) {
  try {
    const std::optional<os::FileStatus> now = os::status_at(from);
    if (!now) return false;
    if (!(now->identity == copied))
      throw Error({.code = Code::replaced,
                   .reason = "another file took its name while it was copied",
                   .path = from});
    return io::change_held(from, [&] { os::remove_file(from, os::Patience::scanner); });
  } catch (const Error& error) {
    raise_stays(error.info());
  }
}

/// Copies the bytes over those of the file at `place`; see ReplaceOptions::in_place.
bool replace_in_place(const std::string& from, const os::Place& place,
                      const ReplaceOptions& options, std::optional<io::StillFile>& still,
                      Changed& changed) {
  std::optional<Moving> moving(from);
  const std::uint64_t bytes = moving->bytes();
  // A mount point of the very file that shall move there.
  if (const auto there = place.status(); there && there->identity == moving->identity())
    throw Error({.code = Code::invalid_argument,
                 .reason = "both paths lead to the same file, which cannot be written over itself",
                 .advice = "Nothing need be done, or remove one of the two names.",
                 .path = place.path()});
  io::SaveOver over{.bytes = bytes, .durable = options.durable, .rights = &moving->file()};
  if (options.progress) over.progress = [&](std::uint64_t done) { options.progress(done, bytes); };
  const os::Identity identity = moving->identity();
  const bool synced = io::save_over(moving->reader(), place, over);
  moving.reset();
  if (options.durable) place.sync();
  still.reset();
  if (remove_original(from, identity)) changed.released = true;
  return synced;
}

/// From another filesystem: a copy takes the name, then the original goes.
/// `still` keeps edits out of it until the copy is there, and is no hold on it then.
bool replace_by_copy(const std::string& from, const os::Place& place, const ReplaceOptions& options,
                     std::optional<io::StillFile>& still, Changed& changed) {
  std::optional<Moving> moving(from);
  const os::Identity identity = moving->identity();
  os::Temporary temporary = os::Temporary::create(place, os::Temporary::Rights::own);
  copy_into(temporary, *moving, options);
  temporary.take_attributes(moving->file());
  moving.reset();
  bool synced = true;
  if (options.durable)
    synced = temporary.sync();
  else
    temporary.flush();
  refuse_stopped(options, place.path());  // a sync may take long
  changed.released = io::change_held(place.path(), [&] { temporary.put_in_place(); });
  if (options.durable) place.sync();
  still.reset();
  if (remove_original(from, identity)) changed.released = true;
  return synced;
}

/// The file takes the name in one step; false when its filesystem has no way to sync.
bool replace_in_one_step(const std::string& from, const os::Place& place,
                         const ReplaceOptions& options, std::optional<io::StillFile>& still,
                         Changed& changed) {
  const bool synced = !options.durable || sync_source(from);
  refuse_stopped(options, place.path());
  bool moved = false;
  changed.released = io::change_held(place.path(), [&] {
    try {
      moved = os::replace_file(from, place);
    } catch (const Error& error) {
      if (error.code() != Code::file_in_use || !still) throw;
      still.reset();  // some systems move no file that is open
      moved = os::replace_file(from, place);
    }
  });
  return moved ? synced : replace_by_copy(from, place, options, still, changed);
}

/// True when something stands at the place that may be written over.
bool may_write_over(const os::Place& place, const ReplaceOptions& options, const Error& error) {
  if (!options.in_place || !io::refuses_renames(error.code())) return false;
  const std::optional<os::FileStatus> there = place.status();
  return there && there->kind == os::FileKind::regular;
}

Changed replace_file(const std::string& from, const std::string& path,
                     const ReplaceOptions& options) {
  Changed changed;
  const os::Place place = os::Place::of(path, /*follow_symlink=*/false);
  const os::Place source = os::Place::of(from, /*follow_symlink=*/false);
  io::remove_stale_temporaries(place);
  // The file moves whole: an edit that is being made ends first, one that was cut short is
  // finished.
  std::optional<io::StillFile> still = io::hold_still(from);
  const io::OldJournal moved_journal(source);
  const io::OldJournal replaced_journal(place);
  bool synced = true;
  try {
    synced = replace_in_one_step(from, place, options, still, changed);
  } catch (const Error& error) {
    if (error.path() == from || !may_write_over(place, options, error)) throw;
    synced = replace_in_place(from, place, options, still, changed);
  }
  moved_journal.drop();
  replaced_journal.drop();
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
