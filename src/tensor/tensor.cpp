#include "tensorhold/tensor.hpp"

#include <memory>
#include <new>
#include <string>
#include <utility>

#include "base/boundary.hpp"
#include "base/checked.hpp"
#include "base/endian.hpp"
#include "hold/block/memory_block.hpp"
#include "hold/memory/spare_memory.hpp"
#include "tensor/access.hpp"

namespace tensorhold {
inline namespace v0 {

Tensor::Tensor(const Tensor& other) noexcept : block_(other.block_), index_(other.index_) {
  if (block_ != nullptr) block_->copy_tensor(index_);
}

Tensor::Tensor(Tensor&& other) noexcept
    : block_(std::exchange(other.block_, nullptr)), index_(other.index_) {}

Tensor& Tensor::operator=(const Tensor& other) noexcept { return *this = Tensor(other); }

Tensor& Tensor::operator=(Tensor&& other) noexcept {
  std::swap(block_, other.block_);
  std::swap(index_, other.index_);
  return *this;
}

Tensor::~Tensor() {
  if (block_ != nullptr) block_->drop_tensor(index_);
}

std::string_view Tensor::name() const& noexcept { return Access::catalog(*this).name(index_); }
Dtype Tensor::dtype() const noexcept { return Access::catalog(*this).dtype(index_); }
std::span<const std::uint64_t> Tensor::shape() const& noexcept {
  return Access::catalog(*this).shape(index_);
}
std::uint64_t Tensor::nbytes() const noexcept { return Access::catalog(*this).nbytes(index_); }
std::uint64_t Tensor::size() const noexcept {
  std::uint64_t count = 1;  // cannot overflow: the header's bits of it did not
  for (const std::uint64_t extent : shape()) count *= extent;
  return count;
}
bool Tensor::mapped() const noexcept { return block_->mapped(); }

std::span<const std::byte> Tensor::bytes() const& {
  return base::raising("reading a tensor", [&]() -> std::span<const std::byte> {
    return {block_->data(index_), static_cast<std::size_t>(nbytes())};
  });
}

std::span<std::byte> Tensor::writable_bytes() const& {
  if (!block_->writable())
    throw tensor::tensor_error(*this, Code::invalid_argument, "the tensor is read-only",
                               "Ask the File for a writable view, or copy().");
  // The block says that these bytes are this process's own.
  return {const_cast<std::byte*>(block_->data(index_)), static_cast<std::size_t>(nbytes())};
}

const void* Tensor::typed(Dtype wanted, std::size_t alignment) const {
  const std::span<const std::byte> all_bytes = bytes();
  tensor::check_typed(*this, all_bytes.data(), all_bytes.size(), wanted, alignment);
  return all_bytes.data();
}

Tensor Tensor::copy() const {
  return base::raising("copying a tensor", [&] {
    tensor::NewTensor made = tensor::make_owned(name(), dtype(), shape(), nbytes());
    block_->read(index_, 0, made.bytes);
    tensor::to_native(*this, made.bytes);
    return made.tensor;
  });
}

void Tensor::copy_to(std::span<std::byte> destination) const {
  if (destination.size() != nbytes())
    throw tensor::tensor_error(*this, Code::size_differs,
                               "the destination has " + std::to_string(destination.size()) +
                                   " bytes, the tensor " + std::to_string(nbytes()),
                               "Give room for exactly the bytes of the tensor.");
  base::raising("copying a tensor", [&] {
    block_->read(index_, 0, destination);
    tensor::to_native(*this, destination);
  });
}

}  // namespace v0

namespace tensor {

NewTensor make_owned(std::string_view name, Dtype dtype, std::span<const std::uint64_t> shape,
                     std::uint64_t nbytes) {
  const auto size = base::checked_size(nbytes);
  if (!size) throw std::bad_alloc();
  std::shared_ptr<std::byte> memory = hold::allocate_copy(*size);
  auto* const block =
      new hold::MemoryBlock(std::make_shared<OwnedCatalog>(name, dtype, shape, nbytes),
                            memory.get(), memory, hold::MemoryUse::owned_copy);
  const hold::BlockRef reference(block);
  (void)block->acquire_tensor(0);  // never closed
  return {Tensor::Access::adopt(block, 0), {memory.get(), *size}};
}

void check_typed(const Tensor& tensor, const std::byte* address, std::uint64_t nbytes, Dtype wanted,
                 std::size_t alignment) {
  const Dtype dtype = tensor.dtype();
  const bool bool_as_u8 = dtype == Dtype::boolean && wanted == Dtype::u8;
  if (dtype != wanted && !bool_as_u8)
    throw tensor_error(tensor, Code::dtype_mismatch,
                       "a view of " + std::string(to_string(wanted)) + " was asked of " +
                           std::string(to_string(dtype)),
                       bits_of(dtype) < 8 ? "Use bytes(): this dtype has no element type."
                                          : "Ask for the tensor's own dtype.");
  if (nbytes == 0) return;
  if (reinterpret_cast<std::uintptr_t>(address) % alignment != 0)
    throw tensor_error(tensor, Code::misaligned,
                       "the file placed the data at an address that is not a multiple of " +
                           std::to_string(alignment),
                       "Use copy(), whose result is aligned.");
  if (!base::same_order(dtype) && !Tensor::Access::block(tensor).native_order())
    throw tensor_error(tensor, Code::swapped_bytes,
                       "the bytes are little-endian and this machine is not",
                       "Use copy(), which converts.");
}

Error tensor_error(const Tensor& tensor, Code code, std::string reason, std::string advice) {
  return Error({.code = code,
                .reason = std::move(reason),
                .advice = std::move(advice),
                .path = std::string(Tensor::Access::block(tensor).path()),
                .tensor = std::string(tensor.name())});
}

void to_native(const Tensor& tensor, std::span<std::byte> bytes) noexcept {
  if (!base::same_order(tensor.dtype()) && !Tensor::Access::block(tensor).native_order())
    base::swap_elements(tensor.dtype(), bytes);
}

}  // namespace tensor
}  // namespace tensorhold
