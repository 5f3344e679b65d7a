#include "hold/source/source.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "hold/source/mapped_block.hpp"
#include "hold/source/owned_block.hpp"
#include "hold/source/registry.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::hold {

Source::Source(os::File handle, const os::FileStatus& status, std::string label,
               std::optional<os::Lock> lock)
    : status_(status),
      path_(handle.path()),
      absolute_path_(absolute(path_)),
      label_(std::move(label)),
      opened_(std::make_shared<const Opened>(
          Opened{std::move(handle),
                 lock ? std::make_shared<const os::Lock>(std::move(*lock)) : nullptr})) {}

Source::~Source() { forget(this); }

void Source::close() noexcept {
  std::shared_ptr<const Opened> last;  // ends after the mutex
  const std::lock_guard lock(mutex_);
  last.swap(opened_);
}

std::shared_ptr<const Opened> Source::opened_for_mapping() const {
  if (ended())
    throw Error({.code = Code::released,
                 .reason = "the file was released, so no new view can be had from it",
                 .advice = "Open it again.",
                 .path = path_});
  {
    const std::lock_guard lock(mutex_);
    if (opened_) return opened_;
  }
  throw Error({.code = Code::closed,
               .reason = "the file was closed, so no new view can be had from it",
               .advice = "Open it again.",
               .path = path_});
}

void Source::add(MappedBlock* block) {
  const std::lock_guard lock(mutex_);
  mapped_.push_back(block);
}

void Source::remove(const MappedBlock* block) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase(mapped_, block);
}

void Source::add(OwnedBlock* block) {
  const std::lock_guard lock(mutex_);
  owned_.push_back(block);
}

void Source::remove(const OwnedBlock* block) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase(owned_, block);
}

Source::Blocks Source::blocks() const {
  Blocks blocks;
  const std::lock_guard lock(mutex_);
  // Room first: once a block is retained, it must not be dropped under the mutex.
  blocks.mapped.reserve(mapped_.size());
  blocks.owned.reserve(owned_.size());
  for (MappedBlock* block : mapped_)
    if (block->try_retain()) blocks.mapped.emplace_back(BlockRef(block), block);
  for (OwnedBlock* block : owned_)
    if (block->try_retain()) blocks.owned.emplace_back(BlockRef(block), block);
  return blocks;
}

void Source::wait_for_others(std::span<MappedBlock* const> known) const {
  // No condition variable: those of the standard library are not safe in a child. Nor a wait for an
  // atomic: in libstdc++ 12 its notify takes no lock where the system has no futex, so that a wait
  // for a mapping that has gone never ended on Windows. In a child nobody is waited for who was
  // lost in a fork: a mapping goes in one ForkSection (Block::drop).
  for (int looks = 0;; ++looks) {
    {
      const std::lock_guard lock(mutex_);
      if (std::ranges::all_of(mapped_, [&](MappedBlock* block) {
            return std::ranges::find(known, block) != known.end();
          }))
        return;
    }
    // A mapping goes at once, unless its thread has to wait for a processor.
    if (looks < 64)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Source::Turn::Turn(Source& source) : source_(source) {
  const std::uint64_t self = os::forks_before() + 1;
  const std::thread::id thread = std::this_thread::get_id();
  std::uint64_t seen = 0;
  while (!source_.turn_.compare_exchange_strong(seen, self)) {
    if (seen == self) {
      if (source_.turn_thread_.load() == thread)
        throw Error({.code = Code::invalid_argument,
                     .reason = "the progress callback of a release releases, or pins a tensor of, "
                               "the same file",
                     .advice = "Do it before the release or after it.",
                     .path = source_.path()});
      // A release takes as long as a copy; a thousand looks a second at it cost nothing.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      seen = 0;
    }
  }
  source_.turn_thread_.store(thread);
}

}  // namespace tensorhold::hold
