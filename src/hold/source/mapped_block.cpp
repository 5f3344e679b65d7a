#include "hold/source/mapped_block.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "hold/source/registry.hpp"
#include "os/file/filesystem.hpp"
#include "os/memory/memory.hpp"
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
  const std::shared_ptr<const Opened> opened = source_->opened_for_mapping();
  mapping_ = os::Mapping::map(opened->file, end_of_tensors(this->catalog()), protection_);
  kept_.emplace(opened);
  if (options.guard)
    guard_.emplace(mapping_.data(), os::to_pages({0, mapping_.size()}).end, protection_,
                   os::reads_what_mappings_show(opened->file) ? &opened->file : nullptr);
  enlist(this, mapping_.data(), mapping_.size());
  try {
    source_->add(this);
  } catch (...) {
    forget_mapping(mapping_.data());
    throw;
  }
}

void MappedBlock::vacate() noexcept {
  if (damaged()) source_->set_damaged();
  forget_mapping(mapping_.data());
  guard_.reset();  // before others may map something there
  mapping_.unmap();
  kept_->end();
  source_->remove(this);
}

const std::byte* MappedBlock::data(std::uint32_t index) {
  return mapping_.data() + catalog().offset(index);
}

const std::byte* MappedBlock::stable_data(std::uint32_t index) noexcept {
  return mapped() || damaged() ? nullptr : mapping_.data() + catalog().offset(index);
}

void MappedBlock::closing() noexcept {
  if (only_user()) return;  // all goes in a moment
  const std::lock_guard lock(mutex_);
  if (mapped() && !kept_->park()) {
    if (guard_) guard_->forget_file();
    kept_->give_up();
  }
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

std::shared_ptr<const os::File> MappedBlock::handle() const {
  auto open = source_->handle();
  return open ? open : kept_->handle();
}

void MappedBlock::refuse_lost_now() const {
  const std::optional<std::uint64_t> has = file_bytes();
  if (!has) return;
  for (const os::Part& part : held_parts())
    if (part.end > *has) raise_truncated(std::max<std::uint64_t>(part.begin, *has));
}

std::unique_ptr<os::Release> MappedBlock::prepare_release(const os::File* file) {
  refuse_lost_now();
  auto release =
      std::make_unique<os::Release>(mapping_, held_parts(),
                                    os::ReleaseOptions{.protection = protection_,
                                                       .file = file,
                                                       .size = [this] { return file_bytes(); },
                                                       .resumed = touched_});
  const std::lock_guard lock(mutex_);
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
    const std::lock_guard lock(mutex_);
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
  bool all = false;
  {
    const std::lock_guard lock(mutex_);
    touched_ = touched_ || release.touched();
    all = std::ranges::count(exchanged_, 0) == 0;
    state_.store(all ? State::released : touched_ ? State::partial : State::mapped);
    if (ended())
      for (const std::uint32_t index : died_) discard_dead(index);
    died_.clear();
  }
  if (all) {  // nothing of the file is needed any more
    if (guard_) guard_->forget_file();
    kept_->end();
  }
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
  if (touched_ && pages.begin < pages.end) split_huge_pages(pages);
}

// A huge page of which some was discarded stays charged as a whole, until it is split: at each end
// of the discarded range, by way of a page there that is alive.
void MappedBlock::split_huge_pages(os::Part discarded) noexcept {
  const auto split = [&](std::size_t at) {
    const std::size_t begin = at / os::huge_page_bytes * os::huge_page_bytes;
    const std::size_t end = std::min(begin + os::huge_page_bytes, mapping_.size());
    for (std::size_t i = first_ending_after(begin); i < catalog().size(); ++i) {
      const os::Part part = part_of(i);
      if (part.begin >= end) return;
      if (part.begin == part.end || live(i) == 0) continue;
      const std::size_t alive = std::max(part.begin, begin);
      return os::Release::split_huge_page(mapping_.data() +
                                          alive / os::page_size() * os::page_size());
    }
  };
  if (discarded.begin % os::huge_page_bytes != 0) split(discarded.begin);
  if (discarded.end % os::huge_page_bytes != 0 &&
      discarded.end / os::huge_page_bytes != discarded.begin / os::huge_page_bytes)
    split(discarded.end);
}

std::string MappedBlock::tensor_at(std::uint64_t offset) const {
  const std::size_t index = first_ending_after(static_cast<std::size_t>(offset));
  return index < catalog().size() ? std::string(catalog().name(index)) : std::string();
}

}  // namespace tensorhold::hold
