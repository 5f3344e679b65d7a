// For systems where other processes are not looked at.
#include "os/holders.hpp"

namespace tensorhold::os {

OtherHolders other_holders(const Identity&, const std::string&) {
  return {.list = {}, .unseen = 1};
}

}  // namespace tensorhold::os
