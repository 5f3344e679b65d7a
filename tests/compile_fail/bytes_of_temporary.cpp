// A view of bytes must not outlive the tensor that keeps them.
#include "tensorhold/tensorhold.hpp"

std::byte use(const tensorhold::File& file) {
#ifdef TENSORHOLD_GOOD_TWIN
  const tensorhold::Tensor tensor = file["w"];
  return tensor.bytes()[0];
#else
  return file["w"].bytes()[0];
#endif
}
