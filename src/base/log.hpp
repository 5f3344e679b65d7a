// Passes a line to the hook of tensorhold/log.hpp.
#pragma once

#include <string_view>

namespace tensorhold::base {

/// Calls the hook, if one is set. Thread-safe; costs one relaxed load when none is.
void log(std::string_view line) noexcept;
[[nodiscard]] bool log_enabled() noexcept;

}  // namespace tensorhold::base
