#include "os/error/api_windows.hpp"
#include "os/memory/memory_room.hpp"

namespace tensorhold::os {

std::optional<MemoryRoom> memory_room() noexcept {
  // Counts the limits of the process' job too.
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof(status);
  if (GlobalMemoryStatusEx(&status) == 0) return std::nullopt;
  try {
    return MemoryRoom{status.ullAvailPageFile, "the system's commit limit"};
  } catch (...) {
    return std::nullopt;  // no memory for the words
  }
}

std::optional<MemoryRoom> memory_room_under(const std::string&) noexcept { return memory_room(); }

}  // namespace tensorhold::os
