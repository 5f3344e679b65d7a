// New owned tensors.
#include <algorithm>
#include <string>

#include "base/boundary.hpp"
#include "format/parse/header_builder.hpp"
#include "tensor/access.hpp"
#include "tensorhold/tensor.hpp"

namespace tensorhold {
inline namespace v0 {

Tensor Tensor::owned(std::string_view name, Dtype dtype, std::span<const std::uint64_t> shape) {
  const auto refuse = [&](Code code, std::string reason) {
    throw Error({.code = code,
                 .reason = std::move(reason),
                 .advice = "Check dtype and shape.",
                 .tensor = std::string(name)});
  };
  return base::raising("making a tensor", [&] {
    const auto bits = format::bits_needed(dtype, shape);
    if (!bits) refuse(Code::shape_overflow, "the size of the shape does not fit in 64 bits");
    if (*bits % 8 != 0)
      refuse(Code::partial_byte,
             "the shape needs " + std::to_string(*bits) + " bits, not whole bytes");
    tensor::NewTensor made = tensor::make_owned(name, dtype, shape, *bits / 8);
    std::ranges::fill(made.bytes, std::byte{0});
    return std::move(made.tensor);
  });
}

bool Tensor::writable() const noexcept { return block_->writable(); }

}  // namespace v0
}  // namespace tensorhold
