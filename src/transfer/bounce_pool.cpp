#include "transfer/bounce_pool.hpp"

#include <new>

namespace tensorhold::io {

BouncePool::Memory BouncePool::take() {
  Memory memory;
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !free_.empty(); });
    memory = std::move(free_.back());
    free_.pop_back();
  }
  if (memory) return memory;
  constexpr std::size_t huge = os::huge_page_bytes;
  memory = Memory(os::map_memory(bytes_, huge, bytes_ >= huge ? os::Pages::huge : os::Pages::plain),
                  {bytes_});
  if (memory) return memory;
  give_back(nullptr);
  throw std::bad_alloc();
}

void BouncePool::give_back(Memory memory) noexcept {
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(memory));  // never grows: there is room for all that were taken
  }
  returned_.notify_one();
}

void Turnstile::enter() {
  std::unique_lock lock(mutex_);
  left_.wait(lock, [this] { return room_ != 0; });
  --room_;
}

void Turnstile::leave() noexcept {
  {
    const std::lock_guard lock(mutex_);
    ++room_;
  }
  left_.notify_one();
}

}  // namespace tensorhold::io
