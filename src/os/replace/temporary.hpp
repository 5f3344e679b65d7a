// The only platform code, writing side: a temporary file that takes a name in one step.
// place_posix.cpp, temporary_posix.cpp and *_windows.cpp implement it; the build picks one. All
// errors are tensorhold::Error with the path of the file that is being written; all paths are
// UTF-8.
//
// What a step promises, and where it is weaker:
//   POSIX: the rename is atomic for readers on local filesystems and NFS; other names (hard links)
//     and mappings of the old file keep the old bytes.
//   Windows: see temporary_windows.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "os/file/file.hpp"
#include "os/leftovers/seen_folders.hpp"
#include "os/output/output.hpp"
#include "os/process/process.hpp"

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

/// A new file beside the place that it is meant for, under a name that parse_temporary_name()
/// recognises; locked, so that remove_stale() leaves it alone. Unless put in place, it removes
/// itself. Borrows the place, which must outlive it. Its bytes are written as those of any Output,
/// by several threads; the rest is for one thread at a time.
class Temporary : public Output {
 public:
  Temporary(Temporary&& other) noexcept
      : Output(std::move(other)),
        place_(other.place_),
        process_(other.process_),
        name_(std::exchange(other.name_, {})),
        usual_mode_(other.usual_mode_) {}
  Temporary& operator=(Temporary&&) = delete;
  ~Temporary();

  /// Who may use the file until it gets the rights of another one.
  enum class Rights : std::uint8_t {
    usual,  ///< as of any new file; the owner alone where a file or a link stands at the place
    own     ///< the owner alone
  };

  /// Raises not_a_file when a folder, device, pipe or socket stands at the place,
  /// permission_denied, no_space, too_many_open, io_error.
  [[nodiscard]] static Temporary create(const Place& place, Rights rights = Rights::usual);

  /// Gives the file the owner and the rights (mode, access control list) of the file at the place,
  /// if one is there, as far as the system allows; what it does not allow is left out such that
  /// nobody has more rights than on that file. For a link at the place, which has no rights of its
  /// own: those of a new file, but for group and others no more than on the link's target. Never
  /// set-id bits. Call after writing.
  void keep_attributes();
  /// The same of the file at another place, and user.* and security labels (extended attributes).
  void keep_attributes(const Place& other);
  /// The same of an open file, and its times: the file moves.
  void take_attributes(const File& from);

  /// Takes the name of the place, in one step: whatever stood there is replaced. Nothing changes
  /// when it raises.
  void put_in_place() { put_in_place_as(place_->name()); }
  /// The same with another name in the folder of the place.
  void put_in_place_as(const std::string& name);

 private:
  explicit Temporary(const Place& place)
      : Output(place.path()), place_(&place), process_(process_id()) {}

  const Place* place_;
  std::int64_t process_;          // whose end of this removes the file; a forked child's does not
  std::string name_;              // in the folder of the place; empty: nothing to remove
  std::uint32_t usual_mode_ = 0;  // of a new file, where a link is replaced (POSIX)
};

/// Takes the rights on a file from everybody but its owner; false when the system refuses, or knows
/// no such rights.
bool close_to_others(const Output& file) noexcept;

/// Gives `to` the owner and the rights of `from`, as Temporary::take_attributes(). False: the
/// system refuses, and somebody may have rights on `to` that he has not on `from`. Always true
/// where no such rights are known.
[[nodiscard]] bool carry_rights(const File& from, const Output& to);

}  // namespace tensorhold::os
