// A block whose bytes are memory already: an owned copy, or a file's bytes given by the caller.
#pragma once

#include "hold/block/block.hpp"

namespace tensorhold::hold {

enum class MemoryUse : std::uint8_t {
  owned_copy,  ///< ours: writable, in the machine's byte order
  file_bytes   ///< a whole file's bytes: read-only, little-endian
};

class MemoryBlock final : public Block {
 public:
  /// `base` is where offset 0 of the catalog lies; `owner` keeps it valid.
  MemoryBlock(std::shared_ptr<const Catalog> catalog, const std::byte* base,
              std::shared_ptr<const void> owner, MemoryUse use)
      : Block(std::move(catalog)), base_(base), owner_(std::move(owner)), use_(use) {}

  [[nodiscard]] const std::byte* data(std::uint32_t index) override { return stable_data(index); }
  [[nodiscard]] const std::byte* stable_data(std::uint32_t index) noexcept override;
  void read(std::uint32_t index, std::uint64_t from, std::span<std::byte> out) override;
  [[nodiscard]] bool mapped() const noexcept override { return false; }
  [[nodiscard]] bool writable() const noexcept override { return use_ == MemoryUse::owned_copy; }
  [[nodiscard]] std::string_view path() const noexcept override { return {}; }
  [[nodiscard]] bool native_order() const noexcept override { return writable(); }

 private:
  [[nodiscard]] bool acquired(std::uint32_t, bool) override { return true; }
  void last_dropped(std::uint32_t) noexcept override {}
  void vacate() noexcept override { owner_.reset(); }

  const std::byte* base_;
  std::shared_ptr<const void> owner_;
  MemoryUse use_;
};

}  // namespace tensorhold::hold
