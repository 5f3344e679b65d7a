// Renaming and deleting through handles: the newest way that the system and the filesystem have.
#pragma once

#include <string>

#include "os/error/api_windows.hpp"

namespace tensorhold::os::windows {

/// Folder (with its separator; empty: the current one) and name of a path.
struct SplitPath {
  std::string folder;
  std::string name;
};
[[nodiscard]] SplitPath split_path(const std::string& path);

/// A handle for deleting or renaming what stands at `path`, links not followed; none:
/// GetLastError().
[[nodiscard]] Handle open_for_delete(const std::wstring& path) noexcept;

/// Gives the file the name `target` (absolute or relative to the current folder). Needs DELETE
/// access. NO_ERROR, or why not; then nothing changed. Where the system has no rename through
/// handles the answer is one of is_missing_call().
[[nodiscard]] DWORD rename_by_handle(HANDLE handle, const std::wstring& target, bool replace);

/// Removes the file's name: at once, or where POSIX deletes are missing, at the latest when the
/// last handle closes. Needs DELETE access. NO_ERROR, or why not; then nothing changed.
[[nodiscard]] DWORD delete_at_once(HANDLE handle) noexcept;  // or one of is_missing_call()
[[nodiscard]] DWORD delete_at_close(HANDLE handle) noexcept;

/// True when nothing stands at `path`, not even a file whose deletion is pending.
[[nodiscard]] bool is_free(const std::wstring& path) noexcept;

}  // namespace tensorhold::os::windows
