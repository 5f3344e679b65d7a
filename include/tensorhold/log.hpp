// A hook for what the library does without being asked; silent by default.
#pragma once

#include <functional>
#include <string_view>

#include "tensorhold/export.hpp"

namespace tensorhold {
inline namespace v0 {

/// Called with one line, UTF-8, without a line break. May be called from any thread, several at
/// once; must not throw and must not call this library.
using LogHook = std::function<void(std::string_view line)>;

/// Sets the process-wide hook; an empty one silences. Thread-safe.
TENSORHOLD_API void set_log_hook(LogHook hook);

}  // namespace v0
}  // namespace tensorhold
