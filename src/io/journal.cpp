#include "io/journal.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "base/checked.hpp"
#include "base/endian.hpp"
#include "base/log.hpp"
#include "io/cleanup.hpp"
#include "io/copy_range.hpp"
#include "io/lock.hpp"
#include "io/save_engine.hpp"
#include "os/guard.hpp"
#include "os/look.hpp"
#include "os/remove.hpp"
#include "os/replace.hpp"
#include "os/share.hpp"
#include "os/temporary_name.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::io {
namespace {

constexpr std::string_view journal_ending = ".tensorhold-journal";
constexpr std::uint64_t magic = 0x316c616e72756f6a;  // "journal1"
constexpr std::size_t piece_bytes = std::size_t{1} << 20;
constexpr auto patience = std::chrono::seconds(10);

/// What a journal begins with, as little-endian numbers in this order; its sum comes last.
struct Head {
  std::uint64_t magic = io::magic;
  std::uint64_t file = 0;  ///< identity, without the device: numbers of devices change at boot
  std::uint64_t file_high = 0;
  std::uint64_t file_bytes = 0;    ///< size of the file, which an edit does not change
  std::uint64_t prefix_bytes = 0;  ///< length field and header
  std::uint64_t prefix_sum = 0;    ///< sum of these, as long as the edit is not about them
  std::uint64_t at = 0;            ///< the range in the file
  std::uint64_t nbytes = 0;
  std::uint64_t before_at = 0;  ///< in the journal; 0: not there
  std::uint64_t after_at = 0;   ///< in the journal; congruent to `at`, so that blocks can be shared
  std::uint64_t bytes_sum = 0;  ///< of the old bytes and the new ones, when the old ones are there
  std::uint64_t sum = 0;        ///< of all numbers above
};
constexpr std::size_t numbers = sizeof(Head) / sizeof(std::uint64_t);
constexpr std::size_t head_bytes = sizeof(Head);

constexpr std::uint64_t sum_start = 0xcbf29ce484222325;  // FNV-1a
std::uint64_t sum_of(std::span<const std::byte> bytes, std::uint64_t sum = sum_start) noexcept {
  for (const std::byte byte : bytes) sum = (sum ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  return sum;
}

std::array<std::byte, head_bytes> encode(Head head) {
  std::array<std::byte, head_bytes> out{};
  const std::array<std::uint64_t, numbers> values{
      head.magic, head.file,   head.file_high, head.file_bytes, head.prefix_bytes, head.prefix_sum,
      head.at,    head.nbytes, head.before_at, head.after_at,   head.bytes_sum,    0};
  const auto place = [&](std::size_t i) {
    return std::span(out).subspan(i * 8).first<sizeof(std::uint64_t)>();
  };
  for (std::size_t i = 0; i < numbers; ++i) base::store_little_u64(values[i], place(i));
  base::store_little_u64(sum_of(std::span(out).first(head_bytes - 8)), place(numbers - 1));
  return out;
}

std::optional<Head> decode(std::span<const std::byte> in, std::uint64_t journal_bytes) {
  const auto number = [&](std::size_t i) {
    return base::load_little_u64(in.subspan(i * 8).first<sizeof(std::uint64_t)>());
  };
  const Head head{number(0), number(1), number(2), number(3), number(4),  number(5),
                  number(6), number(7), number(8), number(9), number(10), number(11)};
  if (head.magic != magic || head.sum != sum_of(in.first(head_bytes - 8))) return std::nullopt;
  const auto fits = [&](std::uint64_t at, std::uint64_t bound) {
    const auto end = base::checked_add(at, head.nbytes);
    return end && *end <= bound;
  };
  if (!fits(head.at, head.file_bytes) || !fits(head.after_at, journal_bytes) ||
      !fits(head.before_at, journal_bytes) || head.prefix_bytes > head.file_bytes)
    return std::nullopt;
  return head;
}

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
    if (status.size != head_->file_bytes) return false;
    if (head_->before_at != 0) return holds_old_or_new();
    if (status.identity.file != head_->file || status.identity.file_high != head_->file_high)
      return false;
    std::uint64_t sum = sum_start;
    std::vector<std::byte> piece(piece_bytes);
    for (std::uint64_t at = 0; at < head_->prefix_bytes;) {
      const auto part = first_of(piece, head_->prefix_bytes - at);
      target_.read_at(at, part);
      sum = sum_of(part, sum);
      at += part.size();
    }
    return sum == head_->prefix_sum;
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

  [[nodiscard]] bool holds_old_or_new() const {
    std::vector<std::byte> now(piece_bytes);
    std::vector<std::byte> before(piece_bytes);
    std::vector<std::byte> after(piece_bytes);
    std::uint64_t before_sum = sum_start;
    std::uint64_t after_sum = sum_start;
    for (std::uint64_t done = 0; done < head_->nbytes;) {
      const auto part = first_of(now, head_->nbytes - done);
      target_.read_at(head_->at + done, part);
      file_.read_at(head_->before_at + done, std::span(before).first(part.size()));
      file_.read_at(head_->after_at + done, std::span(after).first(part.size()));
      before_sum = sum_of(std::span(before).first(part.size()), before_sum);
      after_sum = sum_of(std::span(after).first(part.size()), after_sum);
      for (std::size_t i = 0; i < part.size(); ++i)
        if (now[i] != before[i] && now[i] != after[i]) return false;
      done += part.size();
    }
    return (before_sum ^ after_sum) == head_->bytes_sum;
  }

  std::string path_;
  const os::Output& target_;
  os::File file_;
  std::optional<Head> head_;
};

/// A change whose journal has the old bytes too, and sums of all.
bool is_small(const Change& change) noexcept { return !change.before.empty(); }

/// Puts the journal of `change` in place.
void write_journal(const os::Place& place, const os::Output& target,
                   std::span<const std::byte> prefix, const Change& change,
                   const SaveOptions& options) {
  const os::FileStatus status = target.status();
  const std::uint64_t block = os::share_alignment;
  const std::uint64_t before_at = change.before.empty() ? 0 : head_bytes;
  const std::uint64_t used = head_bytes + change.before.size();
  const std::uint64_t after_at = used + (change.at % block + block - used % block) % block;
  const auto head =
      encode({.file = status.identity.file,
              .file_high = status.identity.file_high,
              .file_bytes = status.size,
              .prefix_bytes = prefix.size(),
              .prefix_sum = sum_of(prefix),
              .at = change.at,
              .nbytes = change.after.size(),
              .before_at = before_at,
              .after_at = after_at,
              .bytes_sum = is_small(change) ? sum_of(change.before) ^ sum_of(change.after) : 0});
  const std::vector<std::byte> gap(static_cast<std::size_t>(after_at - used));
  const auto total = base::checked_add(after_at, change.after.size());
  if (!total) throw Error({.code = Code::shape_overflow, .reason = "the edit is too large"});
  os::Temporary temporary = os::Temporary::create(place);
  temporary.preallocate(*total);
  SaveEngine engine(temporary, *total, options);
  engine.write(std::array{Piece{.at = 0, .bytes = head},
                          Piece{.at = head_bytes, .bytes = change.before},
                          Piece{.at = used, .bytes = gap},
                          Piece{.at = after_at, .bytes = change.after, .dtype = change.dtype}});
  // Asked after the bytes were read: a fault in between puts zeros there.
  if (os::is_damaged(change.after))
    throw Error({.code = Code::damaged,
                 .reason =
                     "the file that the bytes are mapped from became shorter, and zeros stand "
                     "in the place of some of them",
                 .advice = "Load the tensor again from a whole file, then write it.",
                 .path = place.path()});
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
    journal.apply();
  }
}

/// Where the folder cannot be synced, the sync at the end says so.
void try_sync(const os::Place& place) {
  try {
    place.sync();
  } catch (const Error& error) {
    if (error.code() != Code::not_durable) throw;
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
  const std::string target =
      os::is_link(path) ? os::Place::of(path, /*follow_symlink=*/true).path() : path;
  if (!os::stands_at(journal_path(target)) || !os::stands_at(target)) return false;
  std::optional<os::Lock> lock;
  try {
    lock = take_lock(target, os::LockMode::exclusive, patience);
  } catch (const Error& error) {
    if (error.code() == Code::permission_denied) {
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

void drop_journal(const os::Place& place) noexcept {
  try {
    const std::string path = journal_path(place.path());
    if (os::stands_at(path) && !os::stands_at(place.path())) remove_journal(path);
  } catch (const std::exception&) {
    return;  // it is not of the new file, and the first open of that says so
  }
}

}  // namespace tensorhold::io
