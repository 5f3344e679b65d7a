// A view needs a type that is exactly a dtype's; long double is none.
#include "tensorhold/tensorhold.hpp"

#ifdef TENSORHOLD_GOOD_TWIN
using Element = double;
#else
using Element = long double;
#endif

Element use(const tensorhold::Tensor& tensor) { return tensor.as<Element>()[0]; }
