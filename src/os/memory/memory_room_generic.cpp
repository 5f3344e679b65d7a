// For systems that are not asked; on Windows the commit of a release's sections is what refuses.
#include "os/memory/memory_room.hpp"

namespace tensorhold::os {

std::optional<MemoryRoom> memory_room_under(const std::string&) noexcept { return std::nullopt; }
std::optional<MemoryRoom> memory_room() noexcept { return std::nullopt; }

}  // namespace tensorhold::os
