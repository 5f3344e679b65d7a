#include "io/access.hpp"

namespace tensorhold::io {

AccessChoice choose_access(const AccessFacts& facts) {
  switch (facts.wanted) {
    case Access::mapped:
      return {Access::mapped, "Mapped, as asked.", false};
    case Access::owned:
      return {Access::owned, "Owned, as asked.", false};
    case Access::automatic:
      break;
  }
  if (facts.mapping_holds)
    return {Access::owned,
            "Owned: on this system a mapping would keep the file from being deleted or replaced.",
            false};
  if (facts.maps_slowly)
    return {Access::owned, "Owned: a network or FUSE filesystem reads faster than it maps.", false};
  return {Access::mapped, "Mapped: the system maps this file, and a mapping keeps nobody from it.",
          true};
}

}  // namespace tensorhold::io
