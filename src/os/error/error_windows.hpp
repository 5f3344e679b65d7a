// The one place that turns GetLastError() into errors of this library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tensorhold/error.hpp"

namespace tensorhold::os::windows {

/// The code that stands for a system error.
[[nodiscard]] Code code_of(std::uint32_t error) noexcept;

/// Raises the Error for a failed call. `action` completes "cannot ...", such as "open the file".
[[noreturn]] void raise_error(std::string_view action, const std::string& path, std::uint32_t error,
                              std::optional<std::uint64_t> offset = std::nullopt);

/// True for errors that scanners and indexers cause, and that go away by themselves.
[[nodiscard]] bool is_transient(std::uint32_t error) noexcept;

/// True when the system or the filesystem lacks the call, so that an older way is worth trying.
[[nodiscard]] bool is_missing_call(std::uint32_t error) noexcept;

/// Waits between attempts at something that others block for a moment: growing, about 2 s in all.
class Retry {
 public:
  /// Waits and returns true; false once the time is up.
  [[nodiscard]] bool wait() noexcept;

 private:
  unsigned attempt_ = 0;
};

}  // namespace tensorhold::os::windows
