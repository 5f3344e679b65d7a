// Which folders this process has searched for what killed processes left. The memory is bounded: a
// folder that is forgotten for others is searched once more.
#pragma once

#include <cstdint>

#include "os/file/file.hpp"

namespace tensorhold::os {

/// A folder, told from a later one that was given its number.
struct FolderMark {
  Identity identity = {};
  std::uint64_t born = 0;  ///< a number of the system's own; 0: it does not tell
};

/// True the first time that this process asks for the folder. A forked child is a process of its
/// own. Thread-safe, as the other.
[[nodiscard]] bool is_first_look(const FolderMark& folder) noexcept;

/// This process itself left something in the folder: the next is_first_look() is true again.
void look_again(const FolderMark& folder) noexcept;

}  // namespace tensorhold::os
