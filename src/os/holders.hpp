// Which other processes hold a file. linux_holders.cpp implements it; generic_holders.cpp says that
// it cannot look.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "os/file.hpp"
#include "tensorhold/holder.hpp"

namespace tensorhold::os {

struct OtherHolders {
  std::vector<Holder> list;  ///< one a process and way; of this process none
  std::size_t unseen = 0;    ///< processes that could not be looked into
  HoldProof proof = HoldProof::unknown;
};

/// Other processes that have the file `identity` mapped or open; `path` is a name that it has or
/// had. A snapshot: processes come and go meanwhile. The proof counts this process too.
[[nodiscard]] OtherHolders other_holders(const Identity& identity, const std::string& path);

}  // namespace tensorhold::os
