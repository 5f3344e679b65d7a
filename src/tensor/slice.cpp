// Slices: which bytes they are, views and copies.
#include <string>
#include <string_view>
#include <utility>

#include "base/boundary.hpp"
#include "tensor/access.hpp"
#include "tensor/gather.hpp"
#include "tensor/selection.hpp"
#include "tensorhold/tensor.hpp"

namespace tensorhold {
inline namespace v0 {

Slice Tensor::slice(std::initializer_list<Index> indices) const {
  return slice(std::span<const Index>(indices.begin(), indices.size()));
}

Slice Tensor::slice(std::span<const Index> indices) const {
  tensor::Selection part = tensor::select(
      {.dtype = dtype(), .shape = shape(), .name = name(), .path = block_->path()}, indices);
  Slice result;
  result.tensor_ = *this;
  result.shape_ = std::move(part.shape);
  result.size_ = part.size;
  result.nbytes_ = part.nbytes;
  result.offset_ = part.offset;
  result.run_bytes_ = part.run_bytes;
  result.contiguous_ = part.counts.empty();
  result.counts_ = std::move(part.counts);
  result.strides_ = std::move(part.strides);
  return result;
}

std::span<const std::byte> Slice::bytes() const& {
  if (!contiguous_)
    throw tensor::tensor_error(tensor_, Code::not_contiguous,
                               "the part is not one run of bytes, so there is no view of it",
                               "Use copy(), which gathers it.");
  if (nbytes_ == 0) return {};
  return tensor_.bytes().subspan(static_cast<std::size_t>(offset_),
                                 static_cast<std::size_t>(nbytes_));
}

const void* Slice::typed(Dtype wanted, std::size_t alignment) const {
  const std::span<const std::byte> part = bytes();
  tensor::check_typed(tensor_, part.data(), part.size(), wanted, alignment);
  return part.data();
}

Tensor Slice::copy() const {
  return base::raising("copying a slice", [&] {
    tensor::NewTensor made = tensor::make_owned(tensor_.name(), tensor_.dtype(), shape_, nbytes_);
    copy_to(made.bytes);
    return made.tensor;
  });
}

void Slice::copy_to(std::span<std::byte> destination) const {
  if (destination.size() != nbytes_)
    throw tensor::tensor_error(tensor_, Code::size_differs,
                               "the destination has " + std::to_string(destination.size()) +
                                   " bytes, the slice " + std::to_string(nbytes_),
                               "Give room for exactly the bytes of the part.");
  if (nbytes_ == 0) return;
  base::raising("copying a slice", [&] {
    tensor::gather(
        Tensor::Access::block(tensor_), Tensor::Access::index(tensor_),
        {.offset = offset_, .run_bytes = run_bytes_, .counts = counts_, .strides = strides_},
        destination);
    tensor::to_native(tensor_, destination);
  });
}

}  // namespace v0
}  // namespace tensorhold
