// A block whose bytes are pages of a file.
#pragma once

#include <memory>

#include "hold/block.hpp"
#include "hold/source.hpp"
#include "os/file.hpp"

namespace tensorhold::hold {

class MappedBlock final : public Block {
 public:
  /// Maps the part of the file that holds the catalog's tensors. Raises what os::Mapping::map
  /// raises.
  MappedBlock(std::shared_ptr<const Catalog> catalog, std::shared_ptr<Source> source,
              const os::File& handle, os::Protection protection);

  [[nodiscard]] const std::byte* data(std::uint32_t index) override;
  [[nodiscard]] const std::byte* stable_data(std::uint32_t) noexcept override { return nullptr; }
  void read(std::uint32_t index, std::uint64_t from, std::span<std::byte> out) override;
  [[nodiscard]] bool mapped() const noexcept override { return true; }
  [[nodiscard]] bool writable() const noexcept override {
    return protection_ == os::Protection::private_writable;
  }
  [[nodiscard]] std::string_view path() const noexcept override { return source_->path(); }
  [[nodiscard]] bool native_order() const noexcept override { return false; }
  [[nodiscard]] const Source& source() const noexcept { return *source_; }

 private:
  void acquired(std::uint32_t, bool) override {}
  void last_dropped(std::uint32_t) noexcept override {}

  std::shared_ptr<Source> source_;
  os::Protection protection_;
  os::Mapping mapping_;
};

}  // namespace tensorhold::hold
