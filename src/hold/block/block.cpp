#include "hold/block/block.hpp"

#include <optional>

#include "os/process/fork_mutex.hpp"

namespace tensorhold::hold {

Block::Block(std::shared_ptr<const Catalog> catalog)
    : catalog_(std::move(catalog)),
      live_(std::make_unique<std::atomic<std::uint32_t>[]>(catalog_->size())) {}

void Block::drop() noexcept {
  std::optional<os::ForkSection> going;
  std::uint64_t seen = users_.load(std::memory_order_relaxed);
  do {
    // A child of a fork has the block, or is rid of it: nobody would end what is half gone there.
    if (seen == 1 && !going && vacates_in_section()) going.emplace();
  } while (!users_.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel));
  if (seen != 1) return;
  vacate();
  going.reset();
  drop_object();
}

bool Block::try_retain() noexcept {
  std::uint64_t seen = users_.load(std::memory_order_relaxed);
  while (seen != 0)
    if (users_.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) return true;
  return false;
}

void Block::drop_object() noexcept {
  if (objects_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void Block::close() noexcept {
  closed_.store(true, std::memory_order_seq_cst);
  closing();
}

bool Block::try_copy_tensor(std::uint32_t index) noexcept {
  std::uint32_t seen = live_[index].load(std::memory_order_relaxed);
  while (seen != 0)
    if (live_[index].compare_exchange_weak(seen, seen + 1, std::memory_order_seq_cst)) return true;
  return false;
}

bool Block::add_handle(std::uint32_t index, bool& first) noexcept {
  // A tensor counts as a user before it is live and until it is dead: who finds it live may add to
  // it, who finds it dead must become a user first.
  first = false;
  if (try_copy_tensor(index)) return true;
  if (!try_retain()) return false;
  first = live_[index].fetch_add(1, std::memory_order_seq_cst) == 0;
  if (!first) drop();  // another thread was faster, and counts
  return true;
}

bool Block::acquire_tensor(std::uint32_t index) {
  bool first = false;
  if (!add_handle(index, first)) return false;
  // Sequentially consistent: a close or a release sets its state and then reads the counts, this
  // added to the count and now reads the state; one of the two sees the other.
  try {
    if (!closed() && acquired(index, first)) return true;
  } catch (...) {
    drop_tensor(index);
    throw;
  }
  drop_tensor(index);
  return false;
}

void Block::drop_tensor(std::uint32_t index) noexcept {
  // Sequentially consistent, as in acquire_tensor(): a release either finds the tensor dead, or is
  // told of it (last_dropped).
  if (live_[index].fetch_sub(1, std::memory_order_seq_cst) != 1) return;
  last_dropped(index);
  drop();
}

}  // namespace tensorhold::hold
