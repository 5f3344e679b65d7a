// This process.
#pragma once

#include <cstdint>

namespace tensorhold::os {

/// Its number; asked each time, so a forked child gets its own.
[[nodiscard]] std::int64_t process_id() noexcept;

/// How many files it may have open at a time.
[[nodiscard]] std::uint64_t open_files_limit() noexcept;

}  // namespace tensorhold::os
