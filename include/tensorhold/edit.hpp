// Changing files without writing them anew.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensorhold/error.hpp"
#include "tensorhold/export.hpp"
#include "tensorhold/options.hpp"
#include "tensorhold/path.hpp"

namespace tensorhold {
inline namespace v0 {

/// Edits in place are made from a journal: what is to be written goes into the file
/// `.NAME.tensorhold-NUMBER.journal` beside the file first, then into the file, then the journal
/// goes; NUMBER is that of the file (inode), in hexadecimal digits. A
/// process killed at any point leaves the old file, or a journal from which the next open, save or
/// edit of the file by this library finishes the edit. A program that is not of this library may
/// see a half-done edit. While it is made, an edit has the exclusive lock (lock.hpp), so that it
/// never meets another one, nor those who opened with OpenOptions::lock.
struct EditOptions {
  /// True: on return the edit survives a power cut, and a power cut in the middle is as a kill.
  /// False: the last writes are left to the system's pace, so a power cut soon after may leave the
  /// edit half-done.
  bool durable = true;
  /// A symbolic link at the path: false, a new file with the edit, and with the rights of the file
  /// that the link leads to, replaces the link, and that file stays as it is; true, that file is
  /// edited.
  bool follow_symlink = false;
  /// How long to wait for others that have the lock.
  std::chrono::milliseconds lock_timeout = std::chrono::milliseconds(0);
  /// Room for later edits that a header gets when it has to move, in bytes.
  std::uint64_t reserve_header = 4096;
  unsigned threads = 0;    ///< as SaveOptions::threads
  Progress progress = {};  ///< while the journal or the new file is written
  StopToken stop = {};     ///< set before the edit is decided: `cancelled`, and nothing changed
  /// For a new file that is refused the name, as SaveOptions::in_place. Not for overwrite(), and
  /// not needed for metadata that fits into the room of the old header.
  bool in_place = false;
};

/// What an edit did.
struct Edited {
  bool changed = false;    ///< false: everything was as asked for already
  bool rewritten = false;  ///< a new file took the name, in one step; else edited in place
  bool shared = false;     ///< the new file shares the old one's bytes on the disk (xfs, btrfs)
  bool released = false;   ///< own tensors of the range were released first
  std::string why = {};    ///< of `rewritten`: why not in place; words for people
};

/// Changes to `__metadata__`: `remove` first, then `set`. Keys keep their order, new ones come
/// last.
struct MetadataChanges {
  std::vector<std::pair<std::string, std::string>> set;
  std::vector<std::string> remove;  ///< absent ones are no error
};

/// Changes the metadata of the file at `path`: in place, in time that depends on the header alone,
/// where the new one fits into the room of the old one (SaveOptions::reserve_header makes room);
/// else by a new file, whose tensors, aligned as before, are shared with the old one where the
/// filesystem can, and copied where not. In place, all that was opened stays valid; the header is
/// spelled as the reference writer does, without fields that the format does not know.
///
/// Raises what open() raises for a file that is not valid; invalid_utf8, duplicate_name,
/// header_too_large; lock_conflict with the holders; permission_denied, unsupported (no locks on
/// this filesystem), no_space, io_error, cancelled; then the file is as it was, unless the error
/// says that the edit will be finished later. `replaced`: another file took the name meanwhile (a
/// save takes no lock), and stays as it is.
TENSORHOLD_API Edited edit_metadata(const Path& path, const MetadataChanges& changes,
                                    const EditOptions& options = {});
[[nodiscard]] TENSORHOLD_API Result<Edited> try_edit_metadata(
    const Path& path, const MetadataChanges& changes, const EditOptions& options = {}) noexcept;

/// Writes `bytes` over the tensor `name` in place: row-major, in the byte order of the machine,
/// exactly its size. Costs two writes of the tensor, the first into the journal; where the
/// filesystem shares extents (xfs, btrfs) one. `bytes` must not change until it returns. Own
/// tensors of the range are released first and keep their old bytes; a release ends their File, as
/// release() does. Others that map the file see the new bytes come, as with every write in place.
///
/// Raises as edit_metadata(), tensor_not_found, size_differs, truncated, damaged, and what
/// release() raises.
TENSORHOLD_API Edited overwrite(const Path& path, std::string_view name,
                                std::span<const std::byte> bytes, const EditOptions& options = {});
[[nodiscard]] TENSORHOLD_API Result<Edited> try_overwrite(const Path& path, std::string_view name,
                                                          std::span<const std::byte> bytes,
                                                          const EditOptions& options = {}) noexcept;

}  // namespace v0
}  // namespace tensorhold
