// What a Tensor asks of its block's catalog besides names and places.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "format/header/header.hpp"
#include "hold/block/block.hpp"
#include "tensorhold/dtype.hpp"

namespace tensorhold::tensor {

/// Every catalog in this library is one of these.
class Catalog : public hold::Catalog {
 public:
  [[nodiscard]] virtual Dtype dtype(std::size_t index) const noexcept = 0;
  [[nodiscard]] virtual std::span<const std::uint64_t> shape(std::size_t index) const noexcept = 0;
};

/// The tensors of a file.
class FileCatalog final : public Catalog {
 public:
  /// `data_offset`: where the byte buffer begins in the file.
  FileCatalog(format::Header header, std::uint64_t data_offset)
      : header_(std::move(header)), data_offset_(data_offset) {}

  [[nodiscard]] const format::Header& header() const noexcept { return header_; }
  [[nodiscard]] std::size_t size() const noexcept override { return header_.size(); }
  [[nodiscard]] std::string_view name(std::size_t index) const noexcept override {
    return header_.name(index);
  }
  [[nodiscard]] std::uint64_t offset(std::size_t index) const noexcept override {
    return data_offset_ + header_.begin(index);
  }
  [[nodiscard]] std::uint64_t nbytes(std::size_t index) const noexcept override {
    return header_.end(index) - header_.begin(index);
  }
  [[nodiscard]] Dtype dtype(std::size_t index) const noexcept override {
    return header_.dtype(index);
  }
  [[nodiscard]] std::span<const std::uint64_t> shape(std::size_t index) const noexcept override {
    return header_.shape(index);
  }

 private:
  format::Header header_;
  std::uint64_t data_offset_;
};

/// One owned tensor.
class OwnedCatalog final : public Catalog {
 public:
  OwnedCatalog(std::string_view name, Dtype dtype, std::span<const std::uint64_t> shape,
               std::uint64_t nbytes)
      : name_(name), dtype_(dtype), shape_(shape.begin(), shape.end()), nbytes_(nbytes) {}

  [[nodiscard]] std::size_t size() const noexcept override { return 1; }
  [[nodiscard]] std::string_view name(std::size_t) const noexcept override { return name_; }
  [[nodiscard]] std::uint64_t offset(std::size_t) const noexcept override { return 0; }
  [[nodiscard]] std::uint64_t nbytes(std::size_t) const noexcept override { return nbytes_; }
  [[nodiscard]] Dtype dtype(std::size_t) const noexcept override { return dtype_; }
  [[nodiscard]] std::span<const std::uint64_t> shape(std::size_t) const noexcept override {
    return shape_;
  }

 private:
  std::string name_;
  Dtype dtype_;
  std::vector<std::uint64_t> shape_;
  std::uint64_t nbytes_;
};

}  // namespace tensorhold::tensor
