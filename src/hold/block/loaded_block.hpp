// A block of tensors that were read into private memory together, each with memory of its own.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hold/block/block.hpp"
#include "hold/memory/owned_memory.hpp"

namespace tensorhold::hold {

/// The memory is given before the tensors are seen by others, and goes with each tensor's last
/// handle; a tensor that is dropped never comes back. So nothing here is shared beyond what Block
/// shares.
class LoadedBlock final : public Block {
 public:
  /// `path`: of the file that the bytes are from.
  LoadedBlock(std::shared_ptr<const Catalog> catalog, std::string path)
      : Block(std::move(catalog)), path_(std::move(path)), memory_(this->catalog().size()) {}

  /// Makes a tensor live that never was; the caller takes over the handle.
  void give(std::uint32_t index, OwnedMemory memory) {
    memory_[index] = std::move(memory);
    (void)acquire_tensor(index);  // never closed
  }

  [[nodiscard]] const std::byte* data(std::uint32_t index) override { return stable_data(index); }
  [[nodiscard]] const std::byte* stable_data(std::uint32_t index) noexcept override {
    return memory_[index].get();
  }
  void read(std::uint32_t index, std::uint64_t from, std::span<std::byte> out) override;
  [[nodiscard]] bool mapped() const noexcept override { return false; }
  [[nodiscard]] bool writable() const noexcept override { return true; }
  [[nodiscard]] std::string_view path() const noexcept override { return path_; }
  [[nodiscard]] bool native_order() const noexcept override { return true; }

 private:
  [[nodiscard]] bool acquired(std::uint32_t, bool) override { return true; }
  void last_dropped(std::uint32_t index) noexcept override { memory_[index].reset(); }

  std::string path_;
  std::vector<OwnedMemory> memory_;
};

}  // namespace tensorhold::hold
