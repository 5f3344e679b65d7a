// Owner, rights, extended attributes and times of a file, given to another one. Nobody has more
// rights on the second than on the first, at any moment: what the system refuses is left out, and
// the mode is narrowed by it. Never carries set-id bits or capabilities, which belong to programs.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

namespace tensorhold::os {

/// A file whose attributes are read: by a descriptor that need not be one for reading.
class AttributeSource {
 public:
  AttributeSource(AttributeSource&& other) noexcept;
  AttributeSource& operator=(AttributeSource&&) = delete;
  ~AttributeSource();

  /// What stands at `name` in `folder`; std::nullopt when it is no regular file, or nothing.
  [[nodiscard]] static std::optional<AttributeSource> at(int folder, const std::string& name,
                                                         bool follow_symlink);
  /// The file of a descriptor, which is borrowed.
  [[nodiscard]] static std::optional<AttributeSource> of(int descriptor);

  [[nodiscard]] const struct ::stat& status() const noexcept { return status_; }
  /// -1: none could be had.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

 private:
  AttributeSource() noexcept = default;

  int descriptor_ = -1;
  bool owns_ = false;
  struct ::stat status_ {};
};

enum class Carry : std::uint8_t {
  rights,      ///< owner, group, mode, access control list
  attributes,  ///< also user.* and security labels
  all          ///< also the times
};

/// False: the system refused so much that somebody may have rights on `to` that he has not on the
/// source; never so for a file that was made for its owner alone.
bool carry_attributes(const AttributeSource& from, int to, Carry what);

/// For a file that takes the place of a symbolic link: of the `usual` mode of a new file what group
/// and others have on `target`, which the link led to, too.
void narrow_to(const AttributeSource& target, int to, mode_t usual);

}  // namespace tensorhold::os
