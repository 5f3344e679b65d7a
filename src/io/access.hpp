// Map or read: the decision of automatic access, from facts.
#pragma once

#include <string>

#include "tensorhold/options.hpp"

namespace tensorhold::io {

/// What the decision is made from.
struct AccessFacts {
  Access wanted = Access::automatic;
  bool mapping_holds = false;  ///< a mapping keeps others from deleting the file (Windows)
  bool maps_slowly = false;    ///< a network or FUSE filesystem
};

struct AccessChoice {
  Access access = Access::mapped;
  std::string why;  ///< one sentence
  /// True: when the system refuses to map this file, owned access is an answer too.
  bool may_fall_back = false;
};

/// Never chooses automatic. Pure.
[[nodiscard]] AccessChoice choose_access(const AccessFacts& facts);

}  // namespace tensorhold::io
