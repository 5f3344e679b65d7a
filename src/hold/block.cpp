#include "hold/block.hpp"

namespace tensorhold::hold {

Block::Block(std::shared_ptr<const Catalog> catalog)
    : catalog_(std::move(catalog)),
      live_(std::make_unique<std::atomic<std::uint32_t>[]>(catalog_->size())) {}

void Block::drop() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

bool Block::try_retain() noexcept {
  std::uint64_t seen = references_.load(std::memory_order_relaxed);
  while (seen != 0)
    if (references_.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) return true;
  return false;
}

void Block::acquire_tensor(std::uint32_t index) {
  // Sequentially consistent: a release sets its state and then reads the counts, this adds to the
  // count and then reads the state (acquired); one of the two sees the other.
  const bool first = live_[index].fetch_add(1, std::memory_order_seq_cst) == 0;
  if (first) retain();
  try {
    acquired(index, first);
  } catch (...) {
    drop_tensor(index);
    throw;
  }
}

void Block::drop_tensor(std::uint32_t index) noexcept {
  // Sequentially consistent, as in acquire_tensor(): a release either finds the tensor dead, or is
  // told of it (last_dropped).
  if (live_[index].fetch_sub(1, std::memory_order_seq_cst) != 1) return;
  last_dropped(index);
  drop();
}

}  // namespace tensorhold::hold
