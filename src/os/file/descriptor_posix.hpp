// What the POSIX files of this layer share: paths as the system takes them, struct stat as a plain
// value.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "os/file/file.hpp"

namespace tensorhold::os {

/// invalid_argument when `path` is empty or has a NUL inside, which would cut it silently.
void require_path(const std::string& path);

/// open(2) that does not wait for the other end of a pipe, but for others to give up a lease on the
/// file (the system ends one after some 45 s); -1 and errno where it fails. Writes and reads wait.
[[nodiscard]] int open_descriptor(const std::string& path, int flags, mode_t mode = 0) noexcept;

[[nodiscard]] FileStatus to_status(const struct ::stat& from) noexcept;

/// Fills all of `out`, as File::read_at().
void read_all(int descriptor, const std::string& path, std::uint64_t offset,
              std::span<std::byte> out);
void read_all(int descriptor, const std::string& path, std::uint64_t offset,
              std::span<const std::span<std::byte>> pieces);

/// False when to write up to `end` would go beyond the limit of the process on file sizes, for
/// which the system ends it with SIGXFSZ unless it is asked first.
[[nodiscard]] bool within_size_limit(std::uint64_t end) noexcept;

/// True when an errno says that the filesystem or the system has no such call.
[[nodiscard]] bool is_missing_call(int error) noexcept;

}  // namespace tensorhold::os
