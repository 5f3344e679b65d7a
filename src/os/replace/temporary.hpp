// The only platform code, writing side: a temporary file that takes a name in one step.
// temporary_posix.cpp and temporary_windows.cpp implement it; the build picks one. All errors are
// tensorhold::Error with the path of the file that is being written; all paths are UTF-8.
//
// What a step promises, and where it is weaker:
//   POSIX: the rename is atomic for readers on local filesystems and NFS; other names (hard links)
//     and mappings of the old file keep the old bytes.
//   Windows: see temporary_windows.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "os/file/file.hpp"
#include "os/output/output.hpp"
#include "os/process/process.hpp"
#include "os/replace/place.hpp"

namespace tensorhold::os {

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
