// Who may do what with a file: mode and access control list as one value, and what is left of them
// where owner, group or list cannot be kept. Pure.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tensorhold::os {

/// The rights of owner, group and others, with those of named users and groups where the file has a
/// POSIX access control list. The middle digit of such a file's mode is the list's mask.
class Rights {
 public:
  /// `list`: the list as the kernel keeps it (system.posix_acl_access); empty: the file has none.
  /// One that is not understood leaves rights to the owner alone.
  Rights(mode_t mode, std::span<const std::byte> list);

  /// Rights that stay when nobody may gain one although another user owns the file now: `old`
  /// counts as one of the group or of the others then.
  void lose_owner(uid_t old) noexcept;
  /// The same for another group: its members were among the others, and the old one's are now.
  void lose_group() noexcept;
  /// The same when the list cannot be kept: whom it names counts as one of group or others then.
  void lose_list() noexcept;

  [[nodiscard]] bool has_list() const noexcept { return mask_.has_value(); }
  /// The nine bits of the mode; the mask's in the middle where there is a list.
  [[nodiscard]] mode_t mode() const noexcept;
  /// The list as the kernel takes it; empty where there is none.
  [[nodiscard]] std::vector<std::byte> list() const;

 private:
  struct Named {
    std::uint16_t tag = 0;
    std::uint16_t bits = 0;
    std::uint32_t id = 0;
  };

  [[nodiscard]] bool read(std::span<const std::byte> list);

  std::uint16_t owner_ = 0;
  std::uint16_t group_ = 0;
  std::uint16_t others_ = 0;
  std::optional<std::uint16_t> mask_;  // there is a list
  std::vector<Named> named_;
};

}  // namespace tensorhold::os
