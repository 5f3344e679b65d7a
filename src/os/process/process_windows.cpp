#include "os/error/api_windows.hpp"
#include "os/process/process.hpp"

namespace tensorhold::os {

std::int64_t process_id() noexcept { return static_cast<std::int64_t>(GetCurrentProcessId()); }

// Handles of the system: as many as there is memory for.
std::uint64_t open_files_limit() noexcept { return std::uint64_t{1} << 24; }

}  // namespace tensorhold::os
