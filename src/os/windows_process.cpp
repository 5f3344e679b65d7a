#include "os/process.hpp"
#include "os/windows_api.hpp"

namespace tensorhold::os {

std::int64_t process_id() noexcept { return static_cast<std::int64_t>(GetCurrentProcessId()); }

}  // namespace tensorhold::os
