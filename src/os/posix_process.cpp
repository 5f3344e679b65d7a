#include <unistd.h>

#include "os/process.hpp"

namespace tensorhold::os {

std::int64_t process_id() noexcept { return ::getpid(); }

}  // namespace tensorhold::os
