// A view of a slice must not outlive the slice.
#include "tensorhold/tensorhold.hpp"

float use(const tensorhold::File& file) {
#ifdef TENSORHOLD_GOOD_TWIN
  const tensorhold::Slice rows = file["w"].slice({{0, 2}});
  return rows.as<float>()[0];
#else
  return file["w"].slice({{0, 2}}).as<float>()[0];
#endif
}
