// The only platform code, private memory straight from the system. memory_posix.cpp and
// memory_windows.cpp implement it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tensorhold::os {

/// Size of a huge page where there are any, in bytes.
inline constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;

enum class Pages : std::uint8_t {
  plain,  ///< each can be given back by itself
  huge    ///< huge ones wherever the system grants them: faster to fill, given back as a whole
};

/// Zeroed, private, writable memory of whole pages that begins at a multiple of `alignment` (a
/// power of two, at least a page). It costs nothing until it is touched, but for Windows, which
/// charges it as commit. Null when the system refuses. Thread-safe, as all of these.
[[nodiscard]] std::byte* map_memory(std::size_t bytes, std::size_t alignment, Pages pages) noexcept;
/// Gives back all of what map_memory() returned.
void unmap_memory(std::byte* begin, std::size_t bytes) noexcept;
/// Gives back whole plain pages inside it, which must not be used again before unmap_memory().
void discard_memory(std::byte* begin, std::size_t bytes) noexcept;
/// Lends whole pages inside it: the system may take each when it, or the container, is short of
/// memory, until it is written again. They stay usable; what is read before that is the old bytes
/// or zeros. False where the system knows no such loan, or refuses it: nothing changed.
[[nodiscard]] bool lend_memory(std::byte* begin, std::size_t bytes) noexcept;

}  // namespace tensorhold::os
