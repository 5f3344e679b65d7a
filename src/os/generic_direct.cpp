#include "os/posix_direct.hpp"

namespace tensorhold::os {

int open_past_page_cache(int /*descriptor*/) noexcept { return -1; }

}  // namespace tensorhold::os
