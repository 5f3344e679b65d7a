#include "hold/holders.hpp"

#include "base/boundary.hpp"
#include "tensorhold/hold.hpp"

namespace tensorhold {
inline namespace v0 {

Holders holders(const Path& path) {
  return base::raising("looking for holders", [&] { return hold::holders(path.string()); });
}

}  // namespace v0
}  // namespace tensorhold
