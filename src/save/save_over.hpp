// The way that is not atomic: new bytes written over those of a file that keeps its place, for
// filesystems and mount points where no file can take the name of another.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "os/replace/place.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::io {

/// Whether an error of taking a name may be one of a place where that is never possible.
[[nodiscard]] bool refuses_renames(Code code) noexcept;

/// Where the new bytes come from: fills all of `out` from `offset`.
using ReadAt = std::function<void(std::uint64_t offset, std::span<std::byte> out)>;

struct SaveOver {
  std::uint64_t bytes = 0;  ///< of the new file
  bool durable = true;
  /// The rights of this file are given to the one that is written over, before its bytes come.
  const os::File* rights = nullptr;
  /// Called between writes; may raise, which leaves an invalid file.
  std::function<void(std::uint64_t done)> progress = {};
};

/// Writes over the file at `place`, or makes one where nothing stands. Own holds on it are released
/// first. While it runs, and after a failure, the file is invalid, and known to be: its first bytes
/// are written last. False: the filesystem has no way to sync. Raises what release() raises, then
/// nothing changed; permission_denied (the rights cannot be given, and others may read what stands
/// there), unsupported (the file cannot be shortened), no_space, io_error.
bool save_over(const ReadAt& read, const os::Place& place, const SaveOver& options);

}  // namespace tensorhold::io
