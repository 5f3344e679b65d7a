// Where a file is to be put. place_posix.cpp and place_windows.cpp implement it. All errors are
// tensorhold::Error with the path of that file; all paths are UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "os/file/file.hpp"
#include "os/leftovers/seen_folders.hpp"

namespace tensorhold::os {

/// Where a file is to be put: a folder and a name in it. On POSIX the folder is held open and every
/// step acts in that very folder, even when it gets another path meanwhile.
class Place {
 public:
  Place(Place&& other) noexcept
      : folder_(std::exchange(other.folder_, no_folder)),
        path_(std::move(other.path_)),
        name_(std::move(other.name_)) {}
  Place& operator=(Place&& other) noexcept;
  ~Place();

  /// The place of `path`. With `follow_symlink` a symbolic link at the path (and links it leads to)
  /// stands for the place that it points to, whether something is there or not. Raises not_found (a
  /// folder is missing, or links lead in a circle), not_a_file (the path can only name a folder),
  /// invalid_argument (empty, or a NUL inside), permission_denied, too_many_open.
  [[nodiscard]] static Place of(const std::string& path, bool follow_symlink);

  /// The path of the file; differs from the one given when links were followed.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// What stands at the name, links not followed (a link is FileKind::other); std::nullopt when
  /// nothing does.
  [[nodiscard]] std::optional<FileStatus> status() const;

  /// Makes names in the folder survive a power cut. Raises not_durable when the system cannot.
  void sync() const;

  /// Which folder it is; {} when the system does not tell.
  [[nodiscard]] FolderMark folder() const noexcept;

  /// Lists the folder and removes what killed processes left in it, whatever file that was for
  /// (is_leftover_name()), and returns how many there were. A living writer, here or in another
  /// container or host that shares the folder, keeps a lock on its temporary, so the process number
  /// in the name does not matter. Best effort: whatever fails stays for the next time.
  std::size_t remove_stale() const noexcept;

  /// Descriptor of the folder (POSIX), for the other files of this layer.
  [[nodiscard]] std::intptr_t native() const noexcept { return folder_; }

 private:
  static constexpr std::intptr_t no_folder = -1;
  Place() noexcept = default;

  std::intptr_t folder_ = no_folder;
  std::string path_;
  std::string name_;
};

}  // namespace tensorhold::os
