// Memory for bytes on their way to or from a device, and whose turn it is there.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "os/memory/memory.hpp"

namespace tensorhold::io {

/// Aligned memory for bytes that cannot go to the device, or come from it, where they are; of huge
/// pages where it can be: a device takes few separate pieces of memory in one request, so that
/// small pages make small requests. A fixed number of buffers, each allocated when it is first
/// needed, so that the memory is bounded whatever is saved or loaded. Thread-safe.
class BouncePool {
  struct Unmap {
    std::size_t bytes;
    void operator()(std::byte* memory) const noexcept { os::unmap_memory(memory, bytes); }
  };
  using Memory = std::unique_ptr<std::byte[], Unmap>;

 public:
  BouncePool(std::size_t buffers, std::size_t bytes) : bytes_(bytes), free_(buffers) {}

  /// One buffer, for as long as it lives.
  class Lease {
   public:
    explicit Lease(BouncePool& pool) : pool_(pool), memory_(pool.take()) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { pool_.give_back(std::move(memory_)); }
    [[nodiscard]] std::span<std::byte> bytes() const noexcept {
      return {memory_.get(), pool_.bytes_};
    }

   private:
    friend class BouncePool;
    BouncePool& pool_;
    Memory memory_;
  };

 private:
  /// Waits until one is free. Raises bad_alloc.
  [[nodiscard]] Memory take();
  void give_back(Memory memory) noexcept;

  const std::size_t bytes_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable returned_;
  std::vector<Memory> free_;  // null: not allocated yet
};

/// Lets so many in at once. Thread-safe.
class Turnstile {
 public:
  explicit Turnstile(unsigned room) : room_(room) {}

  /// A place inside, for as long as it lives.
  class Pass {
   public:
    explicit Pass(Turnstile& turnstile) : turnstile_(turnstile) { turnstile_.enter(); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass() { turnstile_.leave(); }

   private:
    Turnstile& turnstile_;
  };

 private:
  void enter();
  void leave() noexcept;

  std::mutex mutex_;  // guards room_
  std::condition_variable left_;
  unsigned room_;
};

}  // namespace tensorhold::io
