// Names beside a file: in the folder of its Place, which the steps act in whatever path it has.
// beside_posix.cpp and beside_windows.cpp implement it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "os/file/file.hpp"
#include "os/replace/place.hpp"

namespace tensorhold::os {

/// `path` with `name` in the place of its last part.
[[nodiscard]] std::string path_beside(const std::string& path, std::string_view name);
/// The last part of `path`.
[[nodiscard]] std::string_view name_in(std::string_view path) noexcept;

/// File::open_read(), and whether `path` is a symbolic link. In one system call where it is none.
[[nodiscard]] File open_and_tell(const std::string& path, bool& is_link);

/// What stands at `name` in the folder, links not followed; std::nullopt when nothing does. Raises
/// permission_denied, io_error.
[[nodiscard]] std::optional<FileStatus> status_beside(const Place& place, const std::string& name);

/// How far the maker of a file is trusted with the bytes of another one.
enum class Trust : std::uint8_t {
  perhaps,  ///< may write it, as far as is seen: both are of one group that may
  whole     ///< its owner, the administrator, oneself, or anybody where anybody may write it
};
struct Beside {
  File file;
  Trust trust = Trust::whole;
};

/// The regular file `name` in the folder, of somebody who may write `target` (a handle).
/// std::nullopt: none stands there, or it cannot be read. Waits for nobody but for a lease that
/// such a maker gave. Raises too_many_open, io_error.
[[nodiscard]] std::optional<Beside> open_beside(const Place& place, const std::string& name,
                                                std::intptr_t target);

/// Makes the bytes of the regular file `name` in the folder survive a power cut, where the
/// filesystem has a way to. Raises io_error, no_space: they may be lost.
void sync_beside(const Place& place, const std::string& name);

/// Removes the regular file `name` from the folder; false when it stays.
bool remove_beside(const Place& place, const std::string& name) noexcept;

/// The same for `name` when it is that of a journal of ours whose file does not stand at its own
/// name any more; false for all other names.
bool remove_stale_journal(const Place& place, std::string_view name) noexcept;

}  // namespace tensorhold::os
