// Text of /proc, taken apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tensorhold::os {

/// A line of /proc/PID/maps.
struct MapsLine {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t device_major = 0;
  std::uint64_t device_minor = 0;
  std::uint64_t inode = 0;  ///< 0: no file
};

/// nullopt: not such a line. What follows the inode (the path) is not looked at.
[[nodiscard]] std::optional<MapsLine> parse_maps_line(std::string_view line) noexcept;

/// From the text of /proc/PID/fdinfo/N: whether the handle was opened with O_PATH, which holds
/// nothing, and whether an open-file lock on byte `lock_byte` belongs to it.
struct HandleFacts {
  bool path_only = false;
  bool locks = false;
};
[[nodiscard]] HandleFacts parse_fdinfo(std::string_view text, std::uint64_t lock_byte) noexcept;

/// From the text of /proc/PID/stat: a process that has ended, or a thread of the kernel. Neither
/// can hold a file.
[[nodiscard]] bool cannot_hold(std::string_view stat) noexcept;

/// A process name as printable UTF-8: whatever is not becomes '?'.
[[nodiscard]] std::string printable(std::string_view name);

}  // namespace tensorhold::os
