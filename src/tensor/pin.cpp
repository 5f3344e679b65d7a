#include "tensorhold/pin.hpp"

#include "base/boundary.hpp"
#include "tensor/access.hpp"

namespace tensorhold {
inline namespace v0 {

Pin::Pin(const Tensor& tensor) : tensor_(tensor) {
  // An owned tensor's pages are there from its first use on.
  (void)Tensor::Access::block(tensor_).data(Tensor::Access::index(tensor_));
  Tensor::Access::block(tensor_).pin(Tensor::Access::index(tensor_));
}

Pin& Pin::operator=(Pin&& other) noexcept {
  Pin old(std::move(*this));
  tensor_ = std::move(other.tensor_);
  return *this;
}

Pin::~Pin() {
  if (tensor_.valid()) Tensor::Access::block(tensor_).unpin(Tensor::Access::index(tensor_));
}

Pin pin(const Tensor& tensor) {
  return base::raising("pinning a tensor", [&] { return Pin(tensor); });
}

}  // namespace v0
}  // namespace tensorhold
