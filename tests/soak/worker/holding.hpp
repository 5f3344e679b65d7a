// Forked children of a worker.
#pragma once

#include <cstdint>

namespace tensorhold::soak {

/// Until when a forked child of this process had what the process had; max: there is one now.
[[nodiscard]] std::uint64_t forked_until();

}  // namespace tensorhold::soak
