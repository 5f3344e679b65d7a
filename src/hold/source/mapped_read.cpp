// Copies out of a mapping, and what its file still has.
#include <algorithm>
#include <string>

#include "hold/source/mapped_block.hpp"
#include "os/fault/copy.hpp"
#include "os/file/filesystem.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::hold {
namespace {

constexpr const char* advice =
    "Load the file again; ask its writer to replace it instead of changing it in place.";

}  // namespace

std::optional<std::uint64_t> MappedBlock::file_bytes() const noexcept {
  if (!os::mapped_files_shrink || !mapped()) return std::nullopt;
  if (const KeptFile::Use use(*kept_); use.file() != nullptr) return use.file()->size();
  // The handle was given up. Whoever shortens the file most likely finds it where it was.
  try {
    if (source_->absolute_path().empty()) return std::nullopt;
    const auto now = os::status_at(source_->absolute_path());
    if (now && now->identity == source_->status().identity) return now->size;
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> MappedBlock::lost_at(
    std::span<const std::byte> taken, std::optional<std::uint64_t> file_bytes) const noexcept {
  if (!file_bytes || taken.empty()) return std::nullopt;
  const auto begin = static_cast<std::size_t>(taken.data() - mapping_.data());
  const std::size_t end = begin + taken.size();
  if (end <= *file_bytes) return std::nullopt;
  const std::uint64_t lost = std::max<std::uint64_t>(begin, *file_bytes);
  return is_private({static_cast<std::size_t>(lost), end}) ? std::nullopt : std::optional(lost);
}

void MappedBlock::refuse_lost(std::span<const std::byte> taken) const {
  if (damaged()) raise_damaged(static_cast<std::uint64_t>(taken.data() - mapping_.data()));
  if (const auto lost = lost_at(taken, file_bytes())) raise_truncated(*lost);
}

bool MappedBlock::is_private(os::Part part) const noexcept {
  const std::lock_guard lock(mutex_);
  if (!mapped()) return true;
  if (exchanged_.empty()) return false;
  for (std::size_t chunk = part.begin / chunk_bytes_; chunk * chunk_bytes_ < part.end; ++chunk)
    if (chunk >= exchanged_.size() || exchanged_[chunk] == 0) return false;
  return true;
}

std::size_t MappedBlock::take(const std::byte* from, std::span<std::byte> to,
                              std::size_t copied) const {
  while (copied < to.size()) {
    const std::size_t some = read_unshown(from + copied, to.subspan(copied));
    if (some == 0) break;
    copied += some;
    copied += os::copy_readable(from + copied, to.subspan(copied));
  }
  return copied;
}

// A page that faults was never written to, so it is the file's.
std::size_t MappedBlock::read_unshown(const std::byte* from, std::span<std::byte> to) const {
  const auto offset = static_cast<std::uint64_t>(from - mapping_.data());
  const std::uint64_t page = os::page_size() - offset % os::page_size();
  const KeptFile::Use use(*kept_);
  if (use.file() == nullptr) return 0;
  const std::optional<std::uint64_t> has = use.file()->size();
  if (!has || *has <= offset) return 0;
  const std::size_t some =
      static_cast<std::size_t>(std::min<std::uint64_t>({page, to.size(), *has - offset}));
  // On overlayfs the handle may read another file than the mapping shows, and on FUSE pages around
  // the one that failed may be zeros.
  if (!os::reads_what_mappings_show(*use.file()))
    throw Error({.code = Code::io_error,
                 .reason = "the system cannot read the file under its mapping",
                 .advice = "See whether its disk or network is there; load the file again.",
                 .path = source_->path(),
                 .tensor = tensor_at(offset),
                 .offset = offset});
  try {
    use.file()->read_at(offset, to.first(some));
  } catch (const Error& error) {
    if (error.code() == Code::unexpected_end) return 0;
    ErrorInfo info = error.info();
    info.tensor = tensor_at(offset);
    throw Error(std::move(info));
  }
  return some;
}

void MappedBlock::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (out.empty()) return;
  const std::byte* const from = mapping_.data() + offset;
  const auto copy = [&] {
    std::size_t copied = os::copy_readable(from, out);
    if (damaged()) raise_damaged(offset);
    if (copied != out.size()) copied = take(from, out, copied);
    if (copied != out.size()) raise_truncated(offset + copied);
  };
  const bool was_mapped = mapped();
  copy();
  if (!was_mapped) return;
  const std::optional<std::uint64_t> has = file_bytes();
  if (!has || offset + out.size() <= *has) return;
  if (const auto lost = lost_at({from, out.size()}, has)) raise_truncated(*lost);
  copy();  // from the private pages that stand there now: what was taken may be of those before
}

void MappedBlock::read(std::uint32_t index, std::uint64_t from, std::span<std::byte> out) {
  read_at(catalog().offset(index) + from, out);
}

bool MappedBlock::read_runs(std::uint32_t index, const base::Runs& runs, std::span<std::byte> out) {
  const std::byte* const first = data(index);
  const bool was_mapped = mapped();
  const bool all = os::copy_readable_runs(first, runs, out.data());
  if (damaged()) raise_damaged(catalog().offset(index));
  if (!all || !was_mapped) return all;
  const std::optional<std::uint64_t> has = file_bytes();
  return !has || catalog().offset(index) + runs.offset + runs.extent() <= *has;
}

void MappedBlock::raise_truncated(std::uint64_t offset) const {
  throw Error({.code = Code::truncated,
               .reason = "the file became shorter, or unreadable, under its mapping",
               .advice = advice,
               .path = source_->path(),
               .tensor = tensor_at(offset),
               .offset = offset});
}

void MappedBlock::raise_damaged(std::uint64_t offset) const {
  throw Error({.code = Code::damaged,
               .reason = "the file became shorter, or unreadable, under its mapping, and " +
                         std::to_string(guard_->damaged_bytes()) +
                         " bytes of it that were read are zeros now",
               .advice = advice,
               .path = source_->path(),
               .tensor = tensor_at(offset)});
}

}  // namespace tensorhold::hold
