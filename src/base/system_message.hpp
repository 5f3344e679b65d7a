// The system's words for its own error numbers.
#pragma once

#include <string>

namespace tensorhold::base {

/// Text for an errno, on Windows for a GetLastError(), without a full stop. Thread-safe.
/// Implemented by the platform files of src/os.
[[nodiscard]] std::string system_message(int error);

}  // namespace tensorhold::base
