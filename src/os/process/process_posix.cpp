#include <sys/resource.h>
#include <unistd.h>

#include <limits>

#include "os/process/process.hpp"

namespace tensorhold::os {

std::int64_t process_id() noexcept { return ::getpid(); }

std::uint64_t open_files_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<std::uint64_t>::max()
                                         : static_cast<std::uint64_t>(limit.rlim_cur);
}

}  // namespace tensorhold::os
