// This process.
#pragma once

#include <cstdint>

namespace tensorhold::os {

/// Its number; asked each time, so a forked child gets its own.
[[nodiscard]] std::int64_t process_id() noexcept;

}  // namespace tensorhold::os
