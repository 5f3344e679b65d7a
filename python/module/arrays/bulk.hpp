// Handing tensors to frameworks, many in one call.
#pragma once

#include "../shared/module.hpp"

namespace tensorhold_python {

/// How a capsule describes the bytes.
enum class CapsuleForm : std::uint8_t {
  elements,  ///< by the tensor's dtype; F4 as pairs, half as many in the last dimension
  bytes      ///< as uint8 of the same shape, for frameworks that lack the dtype in DLPack
};

/// A capsule of the first, unversioned kind, row-major, which keeps tensor and token. The tensor
/// must be writable. Raises unsupported for a dtype that DLPack lacks.
[[nodiscard]] nb::object plain_capsule(th::Tensor tensor, CapsuleForm form, Token token);

void bind_bulk(nb::module_& module);

}  // namespace tensorhold_python
