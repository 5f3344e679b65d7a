// The only platform code, removing side: taking a name away from a file.
// remove_posix.cpp and remove_windows.cpp implement it. All errors are tensorhold::Error; all paths
// are UTF-8. Thread-safe.
//
// Where it is weaker:
//   POSIX    the name goes at once, whoever has the file mapped; the space goes with the last of
//   them. Windows  a mapped file may be refused (file_in_use); where the filesystem lacks POSIX
//   deletes
//            (FAT, SMB), also one that is open elsewhere. move_aside() frees the name all the same.
#pragma once

#include <cstdint>
#include <string>

namespace tensorhold::os {

enum class Patience : std::uint8_t {
  none,    ///< one attempt
  scanner  ///< about 2 s of attempts, for those who hold a file for a moment
};

/// Removes the file at `path` (of a link, the link). On return the name is free. Raises not_found,
/// not_a_file (a folder), permission_denied, file_in_use (others hold the file), io_error; then
/// nothing changed.
void remove_file(const std::string& path, Patience patience);

/// Frees the name at `path` by giving the file a name that parse_temporary_name() recognises, in
/// the same folder, and returns its new path. Place::remove_stale() removes it once nobody holds
/// it. Raises as remove_file().
[[nodiscard]] std::string move_aside(const std::string& path);

}  // namespace tensorhold::os
