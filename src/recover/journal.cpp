#include "recover/journal.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/fnv.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "transfer/copy_range.hpp"

namespace tensorhold::io {
namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 20;

std::span<std::byte> first_of(std::vector<std::byte>& piece, std::uint64_t left) {
  return std::span(piece).first(
      static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), left)));
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

}  // namespace

std::optional<Journal> Journal::find(const os::Place& place, const JournalTarget& target) {
  std::optional<os::Beside> beside = os::open_beside(
      place, os::make_journal_name(place.name(), target.status.identity), target.handle);
  if (!beside) return std::nullopt;
  const std::uint64_t size = beside->file.status().size;
  if (size < head_bytes) return std::nullopt;
  std::array<std::byte, head_bytes> bytes{};
  beside->file.read_at(0, bytes);
  const std::optional<Head> head = decode(bytes, size);
  if (!head) return std::nullopt;
  return Journal(std::move(*beside), *head);
}

Journal::Finds Journal::find_in(const JournalTarget& target) const {
  const os::FileStatus& status = target.status;
  if (status.size != head_.file_bytes || status.identity.file != head_.file ||
      status.identity.file_high != head_.file_high)
    return Finds::another;
  const std::uint64_t born = os::birth_mark(target.handle);
  if (born != 0 && head_.born != 0 && born != head_.born) return Finds::another;
  if (head_.samples == 0) return compare(target);
  return has_same_prefix(target) && samples_are_old_or_new(target) ? Finds::mixture
                                                                   : Finds::another;
}

void Journal::apply(const os::Output& target) const {
  copy_bytes(file_, head_.after_at, target, head_.at, head_.nbytes);
}

bool Journal::apply_shared(const os::Output& target) const {
  return share(file_, head_.after_at, target, head_.at, head_.nbytes);
}

bool Journal::has_same_prefix(const JournalTarget& target) const {
  std::uint64_t sum = base::fnv_start;
  std::vector<std::byte> piece(piece_bytes);
  for (std::uint64_t at = 0; at < head_.prefix_bytes;) {
    const auto part = first_of(piece, head_.prefix_bytes - at);
    target.read(at, part);
    sum = base::fnv1a(part, sum);
    at += part.size();
  }
  return sum == head_.prefix_sum;
}

bool Journal::samples_are_old_or_new(const JournalTarget& target) const {
  const Samples samples(head_.nbytes);
  Bytes bytes(static_cast<std::size_t>(samples.bytes));
  for (std::uint64_t i = 0; i < samples.count; ++i) {
    target.read(head_.at + samples.offset(i), bytes.now);
    file_.read_at(head_.before_at + i * samples.bytes, bytes.before);
    file_.read_at(head_.after_at + samples.offset(i), bytes.after);
    if (!bytes.old_or_new(bytes.now.size())) return false;
  }
  return true;
}

Journal::Finds Journal::compare(const JournalTarget& target) const {
  Bytes bytes(piece_bytes);
  std::uint64_t before_sum = base::fnv_start;
  std::uint64_t after_sum = base::fnv_start;
  bool all_old = true;
  bool all_new = true;
  for (std::uint64_t done = 0; done < head_.nbytes;) {
    const auto now = first_of(bytes.now, head_.nbytes - done);
    const auto before = std::span(bytes.before).first(now.size());
    const auto after = std::span(bytes.after).first(now.size());
    target.read(head_.at + done, now);
    file_.read_at(head_.before_at + done, before);
    file_.read_at(head_.after_at + done, after);
    before_sum = base::fnv1a(before, before_sum);
    after_sum = base::fnv1a(after, after_sum);
    if (!bytes.old_or_new(now.size())) return Finds::another;
    all_old = all_old && std::ranges::equal(now, before);
    all_new = all_new && std::ranges::equal(now, after);
    done += now.size();
  }
  if ((before_sum ^ after_sum) != head_.bytes_sum) return Finds::another;  // never written from
  if (all_new) return Finds::new_bytes;
  if (!all_old) return Finds::mixture;
  // Written anew since, with the bytes that it had before.
  if (static_cast<std::uint64_t>(target.status.modified_ns) != head_.modified)
    return Finds::another;
  return Finds::old_bytes;
}

}  // namespace tensorhold::io
