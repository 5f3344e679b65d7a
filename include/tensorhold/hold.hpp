// Holds on files: who has them, letting go of them, and changing files that are held.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "tensorhold/error.hpp"
#include "tensorhold/export.hpp"
#include "tensorhold/holder.hpp"
#include "tensorhold/options.hpp"
#include "tensorhold/path.hpp"
#include "tensorhold/release.hpp"

namespace tensorhold {
inline namespace v0 {

/// Who holds the file that stands at `path`, and those that were opened here by that path and have
/// been replaced or deleted since. Own tensors by name; other processes where the system shows them
/// (Linux), with what could not be seen. A snapshot. Thread-safe, as all of these.
[[nodiscard]] TENSORHOLD_API Holders holders(const Path& path);

/// Lets go in place of the file that stands at `path` and of those that were opened by that path
/// and have been replaced or deleted since: the bytes of live tensors become private memory at the
/// same addresses, then neither a mapping nor a handle of the file is left in this library. Bytes
/// of tensors that nobody has cost nothing. Metadata stays readable; new tensors are refused
/// (released). Nothing open by that path: nothing happens.
///
/// Raises release_unsupported, release_refused, memory_limit and out_of_memory, after which nothing
/// has changed; release_partial, after which every byte handed out is still right, part of the file
/// is held, and a later release goes on. Other threads may read tensors, write writable views, and
/// drop them meanwhile; see docs/guarantees.md for what a writer should know.
TENSORHOLD_API Released release(const Path& path, const ReleaseOptions& options = {});
[[nodiscard]] TENSORHOLD_API Result<Released> try_release(
    const Path& path, const ReleaseOptions& options = {}) noexcept;

/// For who reads tensors in place, to be asked afterwards: raises truncated or damaged when `bytes`
/// lie in a mapping of a file that does not have all of them any more. What others cut off within
/// the file's last page reads as zeros, without a signal. Memory that is no file's passes.
TENSORHOLD_API void require_bytes(std::span<const std::byte> bytes);

struct RemoveOptions {
  /// Also releases own holds where the system would not ask for it, so that the disk's space is
  /// free at once and not with the last tensor. When that release is refused, nothing is removed.
  bool reclaim_space = false;
};

/// What remove() or replace() did.
struct Changed {
  bool released = false;      ///< own holds were released
  std::string moved_to = {};  ///< where a file that others hold waits for its removal; or empty
};

/// Removes the file at `path` (of a symbolic link, the link), whoever has it mapped: tensors keep
/// their bytes. Own holds are released where the system refuses otherwise; where other processes
/// hold the file and the system minds (Windows), it moves to another name and goes when they are
/// done. On return the name is free. Raises not_found, not_a_file, permission_denied, file_in_use
/// (with the holders), and what release() raises; then the file stands as before.
TENSORHOLD_API Changed remove(const Path& path, const RemoveOptions& options = {});

struct ReplaceOptions {
  /// True: on return the change survives a power cut.
  bool durable = true;
  Progress progress = {};  ///< while bytes are copied to another filesystem
  /// Set before the new file takes the name: `cancelled`, and both files stand as before.
  StopToken stop = {};
  /// True: where the system refuses that any file takes the name (a file that is a mount point, a
  /// filesystem without such renames), the bytes are copied over those of the file at `path`, and
  /// `from` is removed at the end. That is not atomic, as SaveOptions::in_place.
  bool in_place = false;
};

/// The file at `from` takes the name `path`, whoever has the file mapped that stood there, and
/// readers see the old or the new file. Across filesystems its bytes are copied beside `path`
/// first, and `from` is removed at the end; where that is refused, the error says so, and both
/// stand. Rights, user.* attributes, labels and times are those of the file that moves, also
/// across filesystems, where what cannot be carried is left out such that nobody has more rights
/// than before. A durable replacement whose sync of `from` failed is refused from then on
/// (io_error), until that file is written anew. Raises as remove(), and not_durable (the new file
/// is in place).
TENSORHOLD_API Changed replace(const Path& from, const Path& path,
                               const ReplaceOptions& options = {});

}  // namespace v0
}  // namespace tensorhold
