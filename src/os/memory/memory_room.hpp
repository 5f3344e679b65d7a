// How much more private memory this process may take, as far as the system tells.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tensorhold::os {

struct MemoryRoom {
  std::uint64_t bytes = 0;
  std::string limited_by;  ///< what is tightest: "the machine", "the container's limit (PATH)"
};

/// The tightest of the machine's free memory and the limits of this process' control group and of
/// all groups above it (cgroup v1 and v2). Memory that the system can take back, such as file
/// cache, counts as free. std::nullopt where the system does not tell. A hint: others may take it
/// meanwhile.
[[nodiscard]] std::optional<MemoryRoom> memory_room() noexcept;

/// Where memory_room() reads; another folder than "/" in tests.
[[nodiscard]] std::optional<MemoryRoom> memory_room_under(const std::string& root) noexcept;

}  // namespace tensorhold::os
