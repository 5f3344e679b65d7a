// The way from a Tensor to its block and back, for the layers above.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "hold/block/block.hpp"
#include "tensor/catalog.hpp"
#include "tensorhold/tensor.hpp"

namespace tensorhold {
inline namespace v0 {

struct Tensor::Access {
  /// Takes over one handle that acquire_tensor() counted.
  [[nodiscard]] static Tensor adopt(hold::Block* block, std::uint32_t index) noexcept {
    Tensor tensor;
    tensor.block_ = block;
    tensor.index_ = index;
    return tensor;
  }
  [[nodiscard]] static hold::Block& block(const Tensor& tensor) noexcept { return *tensor.block_; }
  [[nodiscard]] static std::uint32_t index(const Tensor& tensor) noexcept { return tensor.index_; }
  [[nodiscard]] static const tensor::Catalog& catalog(const Tensor& tensor) noexcept {
    return static_cast<const tensor::Catalog&>(tensor.block_->catalog());
  }
};

}  // namespace v0

namespace tensor {

/// Memory of a new owned tensor, to be filled before anybody else sees the tensor.
struct NewTensor {
  Tensor tensor;
  std::span<std::byte> bytes;
};

/// An owned tensor with uninitialised bytes. Raises out_of_memory.
[[nodiscard]] NewTensor make_owned(std::string_view name, Dtype dtype,
                                   std::span<const std::uint64_t> shape, std::uint64_t nbytes);

/// Raises unless a view of `dtype` at `address` may be typed as asked: dtype_mismatch, misaligned,
/// swapped_bytes.
void check_typed(const Tensor& tensor, const std::byte* address, std::uint64_t nbytes, Dtype wanted,
                 std::size_t alignment);

/// An Error about a tensor, with its name.
[[nodiscard]] Error tensor_error(const Tensor& tensor, Code code, std::string reason,
                                 std::string advice);

/// Brings bytes just copied out of `tensor` into the machine's order.
void to_native(const Tensor& tensor, std::span<std::byte> bytes) noexcept;

}  // namespace tensor
}  // namespace tensorhold
