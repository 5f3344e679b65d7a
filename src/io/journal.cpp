#include "io/journal.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "base/checked.hpp"
#include "base/fnv.hpp"
#include "base/log.hpp"
#include "hold/lost_bytes.hpp"
#include "io/cleanup.hpp"
#include "io/copy_range.hpp"
#include "io/journal_head.hpp"
#include "io/lock.hpp"
#include "io/save_engine.hpp"
#include "os/look.hpp"
#include "os/remove.hpp"
#include "os/replace.hpp"
#include "os/share.hpp"
#include "os/temporary_name.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::io {
namespace {

constexpr std::string_view journal_ending = ".tensorhold-journal";
constexpr std::size_t piece_bytes = std::size_t{1} << 20;
constexpr auto patience = std::chrono::seconds(10);

std::string journal_path(const std::string& target) {
  const std::size_t slash = target.find_last_of(os::mapping_blocks_others ? "/\\" : "/");
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  std::string path = target.substr(0, name);
  path += '.';
  path += os::temporary_stem(std::string_view(target).substr(name), os::usual_name_limit);
  path += journal_ending;
  return path;
}

void note(const std::string& path, const char* what) {
  if (base::log_enabled()) base::log(path + ": " + what);
}

void remove_journal(const std::string& path) noexcept {
  try {
    os::remove_file(path, os::Patience::scanner);
  } catch (const std::exception&) {
    return;  // written again by the next open, with the same bytes
  }
}

/// A journal that was read, beside the file that it is about.
class Journal {
 public:
  Journal(std::string path, const os::Output& target)
      : path_(std::move(path)), target_(target), file_(os::File::open_read(path_)) {
    const os::FileStatus status = file_.status();
    std::array<std::byte, head_bytes> bytes{};
    if (status.kind == os::FileKind::regular && status.size >= head_bytes) {
      file_.read_at(0, bytes);
      head_ = decode(bytes, status.size);
    }
  }

  /// Raises unless it may be trusted.
  void refuse_others() const {
    if (os::is_link(path_) || !os::is_trusted(file_, target_))
      throw Error({.code = Code::permission_denied,
                   .reason = "a journal stands beside the file that is from somebody else than the "
                             "file's owner",
                   .advice = "Ask the owner to open the file once, or remove " + path_ + ".",
                   .path = target_.path()});
  }

  /// True when it is whole and about this very file, with the old bytes, the new ones, or some of
  /// both. One that is not whole was never written from.
  [[nodiscard]] bool is_about_target() const {
    if (!head_) return false;
    const os::FileStatus status = target_.status();
    if (status.size != head_->file_bytes || status.identity.file != head_->file ||
        status.identity.file_high != head_->file_high)
      return false;
    const std::uint64_t born = os::birth_mark(target_);
    if (born != 0 && head_->born != 0 && born != head_->born) return false;
    if (head_->samples != 0) return has_same_prefix() && samples_are_old_or_new();
    const Standing standing = compare();
    return standing.known &&
           (!standing.all_old || static_cast<std::uint64_t>(status.modified_ns) == head_->modified);
  }

  /// Writes all of the new bytes into the file.
  void apply() const {
    (void)copy_range(file_, head_->after_at, target_, head_->at, head_->nbytes);
  }
  /// The same by sharing blocks alone; false, and nothing done, where that is not possible.
  [[nodiscard]] bool apply_shared() const {
    return share(file_, head_->after_at, target_, head_->at, head_->nbytes);
  }

 private:
  [[nodiscard]] static std::span<std::byte> first_of(std::vector<std::byte>& piece,
                                                     std::uint64_t left) {
    return std::span(piece).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), left)));
  }

  [[nodiscard]] bool has_same_prefix() const {
    std::uint64_t sum = base::fnv_start;
    std::vector<std::byte> piece(piece_bytes);
    for (std::uint64_t at = 0; at < head_->prefix_bytes;) {
      const auto part = first_of(piece, head_->prefix_bytes - at);
      target_.read_at(at, part);
      sum = base::fnv1a(part, sum);
      at += part.size();
    }
    return sum == head_->prefix_sum;
  }

  /// What the file has now, what it had, and what it is to have, for the same bytes.
  struct Bytes {
    explicit Bytes(std::size_t size) : now(size), before(size), after(size) {}
    [[nodiscard]] bool old_or_new(std::size_t size) const {
      for (std::size_t i = 0; i < size; ++i)
        if (now[i] != before[i] && now[i] != after[i]) return false;
      return true;
    }
    std::vector<std::byte> now;
    std::vector<std::byte> before;
    std::vector<std::byte> after;
  };

  [[nodiscard]] bool samples_are_old_or_new() const {
    const Samples samples(head_->nbytes);
    Bytes bytes(static_cast<std::size_t>(samples.bytes));
    for (std::uint64_t i = 0; i < samples.count; ++i) {
      target_.read_at(head_->at + samples.offset(i), bytes.now);
      file_.read_at(head_->before_at + i * samples.bytes, bytes.before);
      file_.read_at(head_->after_at + samples.offset(i), bytes.after);
      if (!bytes.old_or_new(bytes.now.size())) return false;
    }
    return true;
  }

  struct Standing {
    bool known = false;    ///< each byte is the old one or the new one, and the journal is whole
    bool all_old = false;  ///< nothing was written yet
  };
  [[nodiscard]] Standing compare() const {
    Bytes bytes(piece_bytes);
    std::uint64_t before_sum = base::fnv_start;
    std::uint64_t after_sum = base::fnv_start;
    bool all_old = true;
    for (std::uint64_t done = 0; done < head_->nbytes;) {
      const auto now = first_of(bytes.now, head_->nbytes - done);
      const auto before = std::span(bytes.before).first(now.size());
      const auto after = std::span(bytes.after).first(now.size());
      target_.read_at(head_->at + done, now);
      file_.read_at(head_->before_at + done, before);
      file_.read_at(head_->after_at + done, after);
      before_sum = base::fnv1a(before, before_sum);
      after_sum = base::fnv1a(after, after_sum);
      if (!bytes.old_or_new(now.size())) return {};
      all_old = all_old && std::ranges::equal(now, before);
      done += now.size();
    }
    return {.known = (before_sum ^ after_sum) == head_->bytes_sum, .all_old = all_old};
  }

  std::string path_;
  const os::Output& target_;
  os::File file_;
  std::optional<Head> head_;
};

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

/// Puts the journal of `change` in place.
void write_journal(const os::Place& place, const os::Output& target,
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
       .born = os::birth_mark(target),
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
  temporary.keep_attributes();
  // One that its sums do not vouch for takes its name when it is whole on the disk; the other way
  // round costs the disk one step less.
  if (!is_small(change)) (void)temporary.sync();
  temporary.put_in_place_as(journal_path(place.name()));
}

/// From the memory that the journal was written from, unless that is gone meanwhile. Nothing may
/// stop it any more.
void apply(const Journal& journal, os::Output& target, const Change& change,
           const SaveOptions& options) {
  if (journal.apply_shared()) return;
  SaveEngine engine(target, change.after.size(),
                    {.durable = options.durable, .threads = options.threads});
  try {
    engine.write(std::array{Piece{.at = change.at, .bytes = change.after, .dtype = change.dtype}});
  } catch (const Error& error) {
    if (error.code() != Code::truncated) throw;
    return journal.apply();
  }
  if (hold::LostBytes().any_of(change.after)) journal.apply();
}

/// Where the folder cannot be synced, the sync at the end says so.
void try_sync(const os::Place& place) {
  try {
    place.sync();
  } catch (const Error& error) {
    if (error.code() != Code::not_durable) throw;
  }
}

std::string follow(const std::string& path) {
  return os::is_link(path) ? os::Place::of(path, /*follow_symlink=*/true).path() : path;
}

/// Waits for the edit whose journal stands beside `target`. False: nobody makes it any more.
bool ends_by_itself(const std::string& target) {
  try {
    const os::Lock lock = take_lock(target, os::LockMode::shared, patience);
    return !os::stands_at(journal_path(target));
  } catch (const Error& error) {
    if (error.code() != Code::unsupported) throw;
    return false;
  }
}

[[noreturn]] void raise_unfinished(const Error& error) {
  ErrorInfo info = error.info();
  info.reason += ", in the middle of an edit";
  info.advice = "The next open of the file finishes the edit, from the journal beside it.";
  throw Error(std::move(info));
}

}  // namespace

void change_in_place(const os::Place& place, os::Output& target, std::span<const std::byte> prefix,
                     const Change& change, const SaveOptions& options) {
  const std::string path = journal_path(place.path());
  write_journal(place, target, prefix, change, options);
  bool synced = true;
  try {
    if (options.durable && is_small(change)) (void)os::sync_file(path);
    if (options.durable) try_sync(place);
    apply(Journal(path, target), target, change, options);
    if (options.durable) synced = target.sync_bytes();
  } catch (const Error& error) {
    raise_unfinished(error);
  }
  remove_journal(path);
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

bool finish_locked_edit(const std::string& target_path) {
  const std::string path = journal_path(target_path);
  if (!os::stands_at(path)) return false;
  os::Output target = os::Output::open(target_path);
  {
    const Journal journal(path, target);
    journal.refuse_others();
    if (journal.is_about_target()) {
      journal.apply();
      (void)target.sync();
      note(target_path, "finished an edit that was cut short");
    } else {
      note(target_path, "removed the journal of an edit that had not begun, or of another file");
    }
  }
  remove_journal(path);
  remove_stale_temporaries(target_path);
  return true;
}

bool finish_edit(const std::string& path) {
  const std::string target = follow(path);
  if (!os::stands_at(journal_path(target)) || !os::stands_at(target)) return false;
  std::optional<os::Lock> lock;
  try {
    lock = take_lock(target, os::LockMode::exclusive, patience);
  } catch (const Error& error) {
    if (error.code() == Code::permission_denied) {
      if (ends_by_itself(target)) return true;
      ErrorInfo info = error.info();
      info.reason = "an edit of the file was cut short, and finishing it needs the right to write";
      info.advice = "Have it opened once by somebody who may write it.";
      throw Error(std::move(info));
    }
    if (error.code() != Code::unsupported) throw;
  }
  (void)finish_locked_edit(target);
  return true;
}

std::optional<os::FileStatus> journal_beside(const std::string& path) {
  return os::status_at(journal_path(follow(path)));
}

void drop_journal(const os::Place& place) noexcept {
  try {
    const std::string path = journal_path(place.path());
    if (os::stands_at(path) && !os::stands_at(place.path())) remove_journal(path);
  } catch (const std::exception&) {
    return;  // it is not of the new file, and the first open of that says so
  }
}

}  // namespace tensorhold::io
