// A typed view must not outlive the tensor that keeps its bytes.
#include "tensorhold/tensorhold.hpp"

float use(const tensorhold::File& file) {
#ifdef TENSORHOLD_GOOD_TWIN
  const tensorhold::Tensor tensor = file["w"];
  return tensor.as<float>()[0];
#else
  return file["w"].as<float>()[0];
#endif
}
