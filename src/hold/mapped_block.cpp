#include "hold/mapped_block.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "os/copy.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::hold {
namespace {

constexpr std::uint64_t worth_discarding = std::uint64_t{1} << 20;

std::uint64_t end_of_tensors(const Catalog& catalog) {
  std::uint64_t end = 1;  // a mapping of nothing does not exist; every file has at least 8 bytes
  for (std::size_t i = 0; i < catalog.size(); ++i)
    end = std::max(end, catalog.offset(i) + catalog.nbytes(i));
  return end;
}

}  // namespace

MappedBlock::MappedBlock(std::shared_ptr<const Catalog> catalog, std::shared_ptr<Source> source,
                         const MappedOptions& options)
    : Block(std::move(catalog)), source_(std::move(source)), protection_(options.protection) {
  // A release must not miss a mapping, nor find the file held by one after its end.
  const Source::Turn turn(*source_);
  mapping_ = os::Mapping::map(*source_->handle_for_mapping(), end_of_tensors(this->catalog()),
                              protection_);
  if (options.guard)
    guard_.emplace(mapping_.data(), os::to_pages({0, mapping_.size()}).end, protection_);
  source_->add(this);
}

void MappedBlock::vacate() noexcept {
  if (damaged()) source_->set_damaged();
  guard_.reset();  // before others may map something there
  mapping_.unmap();
  source_->remove(this);
}

const std::byte* MappedBlock::data(std::uint32_t index) {
  return mapping_.data() + catalog().offset(index);
}

const std::byte* MappedBlock::stable_data(std::uint32_t index) noexcept {
  return mapped() || damaged() ? nullptr : mapping_.data() + catalog().offset(index);
}

void MappedBlock::read(std::uint32_t index, std::uint64_t from, std::span<std::byte> out) {
  const std::size_t copied = os::copy_readable(data(index) + from, out);
  if (damaged()) raise_damaged(index);
  if (copied == out.size()) return;
  throw Error(
      {.code = Code::truncated,
       .reason = "the file became shorter, or unreadable, under its mapping",
       .advice =
           "Load the file again; ask its writer to replace it instead of changing it in place.",
       .path = source_->path(),
       .tensor = std::string(catalog().name(index)),
       .offset = catalog().offset(index) + from + copied});
}

bool MappedBlock::read_runs(std::uint32_t index, const base::Runs& runs, std::span<std::byte> out) {
  const bool all = os::copy_readable_runs(data(index), runs, out.data());
  if (damaged()) raise_damaged(index);
  return all;
}

void MappedBlock::raise_damaged(std::uint32_t index) const {
  throw Error({.code = Code::damaged,
               .reason = "the file became shorter, or unreadable, under its mapping, and " +
                         std::to_string(guard_->damaged_bytes()) +
                         " bytes of it that were read are zeros now",
               .advice =
                   "Load the file again; ask its writer to replace it instead of changing it in "
                   "place.",
               .path = source_->path(),
               .tensor = std::string(catalog().name(index))});
}

void MappedBlock::closing() noexcept {
  if (only_user()) return;  // all goes in a moment
  const std::lock_guard lock(mutex_);
  if (state_.load() == State::releasing) return;  // which leaves what is dead untouched
  std::size_t dead = 0;
  for (const os::Part live : live_parts()) {
    const os::Part pages = os::to_pages(live);
    discard({dead, pages.begin});
    dead = pages.end;
  }
  discard({dead, os::to_pages({0, mapping_.size()}).end});
}

void MappedBlock::discard(os::Part pages) noexcept {
  if (pages.begin < pages.end)
    os::Release::discard(mapping_.data() + pages.begin, pages.end - pages.begin);
}

void MappedBlock::last_dropped(std::uint32_t index) noexcept {
  // Sequentially consistent, like the count that went to 0 just before: a close or a release that
  // began after this load finds the tensor dead.
  if (!ended()) return;
  // The system takes unchanged pages back by itself: a few of them are not worth asking it.
  if (state_.load() == State::mapped && !writable() && catalog().nbytes(index) < worth_discarding)
    return;
  const std::lock_guard lock(mutex_);
  if (state_.load() != State::releasing) return discard_dead(index);
  try {
    died_.push_back(index);
  } catch (const std::bad_alloc&) {
    return;  // its memory goes with the block
  }
}

os::Part MappedBlock::part_of(std::size_t index) const noexcept {
  // Inside the mapping, so inside the address space.
  const auto begin = static_cast<std::size_t>(catalog().offset(index));
  return {begin, begin + static_cast<std::size_t>(catalog().nbytes(index))};
}

// Tensors lie in offset order and do not overlap.
std::size_t MappedBlock::first_ending_after(std::size_t offset) const noexcept {
  std::size_t low = 0;
  for (std::size_t high = catalog().size(); low < high;) {
    const std::size_t middle = low + (high - low) / 2;
    if (part_of(middle).end <= offset)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

std::vector<os::Part> MappedBlock::live_in(os::Part within) const {
  std::vector<os::Part> parts;
  for (std::size_t i = first_ending_after(within.begin); i < catalog().size(); ++i) {
    const os::Part part = part_of(i);
    if (part.begin >= within.end) break;
    if (part.begin == part.end || live(i) == 0) continue;
    const os::Part clipped{std::max(part.begin, within.begin), std::min(part.end, within.end)};
    if (!parts.empty() && parts.back().end == clipped.begin)
      parts.back().end = clipped.end;
    else
      parts.push_back(clipped);
  }
  return parts;
}

bool MappedBlock::any_live_in(os::Part part) const noexcept {
  for (std::size_t i = first_ending_after(part.begin); i < catalog().size(); ++i) {
    const os::Part tensor = part_of(i);
    if (tensor.begin >= part.end) return false;
    if (tensor.begin != tensor.end && live(i) != 0) return true;
  }
  return false;
}

std::vector<os::Part> MappedBlock::held_parts() const {
  if (exchanged_.empty()) return live_parts();
  std::vector<os::Part> parts;
  for (std::size_t chunk = 0; chunk < exchanged_.size(); ++chunk) {
    if (exchanged_[chunk] != 0) continue;
    const std::size_t begin = chunk * chunk_bytes_;
    const auto held = live_in({begin, std::min(begin + chunk_bytes_, mapping_.size())});
    parts.insert(parts.end(), held.begin(), held.end());
  }
  return parts;
}

std::vector<std::uint32_t> MappedBlock::live_tensors() const {
  std::vector<std::uint32_t> tensors;
  for (std::size_t i = 0; i < catalog().size(); ++i)
    if (live(i) != 0) tensors.push_back(static_cast<std::uint32_t>(i));
  return tensors;
}

void MappedBlock::pin(std::uint32_t index) {
  const Source::Turn turn(*source_);
  const std::lock_guard lock(mutex_);
  ++pinned_[index];
}

void MappedBlock::unpin(std::uint32_t index) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = pinned_.find(index);
  if (--found->second == 0) pinned_.erase(found);
}

void MappedBlock::refuse_pinned() const {
  const std::lock_guard lock(mutex_);
  if (pinned_.empty()) return;
  const std::size_t others = pinned_.size() - 1;
  throw Error({.code = Code::release_refused,
               .reason = others == 0 ? "the tensor is pinned, so its pages must stay the file's"
                                     : "the tensor and " + std::to_string(others) +
                                           " more are pinned, so their pages must stay the file's",
               .advice = "Unregister the memory, drop its Pin, then release again; or copy the "
                         "tensor and drop it.",
               .path = source_->path(),
               .tensor = std::string(catalog().name(pinned_.begin()->first))});
}

std::unique_ptr<os::Release> MappedBlock::prepare_release(const os::File* file) {
  auto release = std::make_unique<os::Release>(
      mapping_, held_parts(),
      os::ReleaseOptions{.protection = protection_, .file = file, .resumed = touched_});
  if (exchanged_.empty()) {
    exchanged_.resize(release->chunks());
    chunk_bytes_ = release->chunk(0).end;
  }
  return release;
}

std::uint64_t MappedBlock::release_chunk(os::Release& release, std::size_t chunk) {
  if (exchanged_[chunk] != 0) return 0;
  try {
    const std::uint64_t bytes = release.exchange(chunk, live_in(release.chunk(chunk)));
    exchanged_[chunk] = 1;
    return bytes;
  } catch (const Error& error) {
    ErrorInfo info = error.info();
    info.path = source_->path();
    if (info.offset) info.tensor = tensor_at(*info.offset);
    throw Error(std::move(info));
  }
}

bool MappedBlock::end_release(const os::Release& release) noexcept {
  const std::lock_guard lock(mutex_);
  touched_ = touched_ || release.touched();
  const bool all = std::ranges::count(exchanged_, 0) == 0;
  state_.store(all ? State::released : touched_ ? State::partial : State::mapped);
  if (ended())
    for (const std::uint32_t index : died_) discard_dead(index);
  died_.clear();
  return !touched_;
}

// With mutex_ held, ended(), and no release under way. Of two neighbours that die at the same time,
// at least the later one here sees that both are dead, and takes the page that they share.
void MappedBlock::discard_dead(std::uint32_t index) noexcept {
  const os::Part tensor = part_of(index);
  if (tensor.begin == tensor.end || live(index) != 0) return;
  os::Part pages = os::to_pages(tensor);
  const std::size_t page = os::page_size();
  if (any_live_in({pages.begin, pages.begin + page})) pages.begin += page;
  if (pages.begin < pages.end && any_live_in({pages.end - page, pages.end})) pages.end -= page;
  discard(pages);
}

std::string MappedBlock::tensor_at(std::uint64_t offset) const {
  const std::size_t index = first_ending_after(static_cast<std::size_t>(offset));
  return index < catalog().size() ? std::string(catalog().name(index)) : std::string();
}

}  // namespace tensorhold::hold
