// A choice of a file's tensors and of parts of them, in any order, also twice.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "tensor/catalog.hpp"
#include "tensor/gather.hpp"
#include "tensor/selection.hpp"

namespace tensorhold::tensor {

class PartCatalog final : public Catalog {
 public:
  explicit PartCatalog(std::shared_ptr<const FileCatalog> file) : file_(std::move(file)) {}
  PartCatalog(const PartCatalog& other)
      : Catalog(), file_(other.file_), entries_(other.entries_), parts_(other.parts_) {}
  PartCatalog& operator=(const PartCatalog&) = delete;

  void reserve(std::size_t more) { entries_.reserve(entries_.size() + more); }
  /// A whole tensor.
  void add(std::uint32_t tensor) { entries_.push_back({tensor, whole}); }
  void add(std::uint32_t tensor, Selection part) {
    entries_.push_back({tensor, static_cast<std::uint32_t>(parts_.size())});
    parts_.push_back(std::move(part));
  }

  [[nodiscard]] const FileCatalog& file() const noexcept { return *file_; }
  [[nodiscard]] std::uint32_t tensor(std::size_t index) const noexcept {
    return entries_[index].tensor;
  }
  [[nodiscard]] std::size_t size() const noexcept override { return entries_.size(); }
  [[nodiscard]] std::string_view name(std::size_t index) const noexcept override {
    return file_->name(tensor(index));
  }
  /// Of the first byte in the file.
  [[nodiscard]] std::uint64_t offset(std::size_t index) const noexcept override {
    const Selection* const part = part_of(index);
    return file_->offset(tensor(index)) + (part != nullptr ? part->offset : 0);
  }
  [[nodiscard]] std::uint64_t nbytes(std::size_t index) const noexcept override {
    const Selection* const part = part_of(index);
    return part != nullptr ? part->nbytes : file_->nbytes(tensor(index));
  }
  [[nodiscard]] Dtype dtype(std::size_t index) const noexcept override {
    return file_->dtype(tensor(index));
  }
  [[nodiscard]] std::span<const std::uint64_t> shape(std::size_t index) const noexcept override {
    const Selection* const part = part_of(index);
    return part != nullptr ? part->shape : file_->shape(tensor(index));
  }
  /// The runs of a part that is not one run of bytes, from the tensor's first byte on; else null.
  [[nodiscard]] const Selection* runs(std::size_t index) const noexcept {
    const Selection* const part = part_of(index);
    return part == nullptr || part->counts.empty() ? nullptr : part;
  }

 private:
  static constexpr std::uint32_t whole = ~std::uint32_t{0};
  struct Entry {
    std::uint32_t tensor;
    std::uint32_t part;  // position in parts_, or whole
  };
  [[nodiscard]] const Selection* part_of(std::size_t index) const noexcept {
    const std::uint32_t part = entries_[index].part;
    return part == whole ? nullptr : &parts_[part];
  }

  std::shared_ptr<const FileCatalog> file_;
  std::vector<Entry> entries_;
  std::vector<Selection> parts_;
};

}  // namespace tensorhold::tensor
