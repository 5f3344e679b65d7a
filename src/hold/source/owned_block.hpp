// A block whose tensors are read into private memory, each on first use.
#pragma once

#include <cstdlib>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "hold/block/block.hpp"
#include "hold/memory/owned_memory.hpp"
#include "hold/source/source.hpp"
#include "os/process/fork_mutex.hpp"

namespace tensorhold::hold {

class OwnedBlock final : public Block {
 public:
  OwnedBlock(std::shared_ptr<const Catalog> catalog, std::shared_ptr<Source> source);

  [[nodiscard]] const std::byte* data(std::uint32_t index) override;
  [[nodiscard]] const std::byte* stable_data(std::uint32_t index) noexcept override;
  void read(std::uint32_t index, std::uint64_t from, std::span<std::byte> out) override;
  [[nodiscard]] bool mapped() const noexcept override { return false; }
  [[nodiscard]] bool writable() const noexcept override { return false; }
  [[nodiscard]] std::string_view path() const noexcept override { return source_->path(); }
  [[nodiscard]] bool native_order() const noexcept override { return false; }

  /// Takes memory with a tensor's bytes, of exactly its size, unless the tensor has some already;
  /// returns where its bytes are. It goes with the tensor's last handle, and without one at once
  /// when none can be had any more: then there are no bytes, and null. Thread-safe.
  const std::byte* keep(std::uint32_t index, OwnedMemory memory) noexcept;

  /// Reads every live tensor now. No other can be had any more.
  void load_live();

 private:
  [[nodiscard]] bool acquired(std::uint32_t index, bool first) override;
  void last_dropped(std::uint32_t index) noexcept override;
  void closing() noexcept override;
  void vacate() noexcept override;
  // No tensor will be asked for any more: the handle closes once every live tensor is read. With
  // mutex_ held.
  void finish() noexcept;
  void close_when_read() noexcept;  // with mutex_ held
  const std::byte* load(std::uint32_t index);
  [[nodiscard]] OwnedMemory take(std::uint32_t index) noexcept;

  struct FreeSlots {
    void operator()(std::atomic<std::byte*>* slots) const noexcept { std::free(slots); }
  };

  std::shared_ptr<Source> source_;
  // The tensors' memory, null until read. From calloc: slots that are never used cost no memory.
  std::unique_ptr<std::atomic<std::byte*>[], FreeSlots> slots_;
  // Guards what follows, and every change of a slot.
  os::ForkMutex mutex_;
  std::unordered_set<std::uint32_t> unread_;  // live tensors without memory
  bool finished_ = false;
};

}  // namespace tensorhold::hold
