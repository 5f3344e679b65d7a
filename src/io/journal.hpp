// Edits in place that survive a kill: what is to be written stands in a journal beside the file
// before the first byte of the file is touched.
//
// A journal takes its name in one step, and the file is touched when it is whole on the disk. From
// that moment on the edit counts as made: whoever opens, saves or edits the file next writes it
// again from the journal, as often as it takes. Into that very file: journal_head.hpp says how it
// is known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "os/output.hpp"
#include "os/write.hpp"
#include "tensorhold/dtype.hpp"
#include "tensorhold/options.hpp"

namespace tensorhold::io {

/// One range of a file and its new bytes.
struct Change {
  std::uint64_t at = 0;               ///< in the file
  std::span<const std::byte> before;  ///< what stands there; may be empty when the header stays
  std::span<const std::byte> after;   ///< in the byte order of the machine
  Dtype dtype = Dtype::u8;            ///< of the elements in `after`
};

/// Makes the change in `target`, which stands at `place` and is locked by the caller. `prefix`: the
/// file's length field and header, by which the journal knows the file again. Raises what leaves
/// the file as it was; an error after the journal took its name says that the edit will be
/// finished later.
void change_in_place(const os::Place& place, os::Output& target, std::span<const std::byte> prefix,
                     const Change& change, const SaveOptions& options);

/// Finishes an edit of the file at `path` (links followed) that was cut short; waits for one that
/// is being made, also where the file may not be written. Costs two looks at names where there is
/// none. False: there was none. Raises permission_denied (the edit was cut short, and is somebody
/// else's to finish), lock_conflict (an edit takes long), io_error, no_space.
bool finish_edit(const std::string& path);

/// The journal beside the file at `path` (links followed). Who has a lock on the file, a shared one
/// counts, sees one that was left: nobody edits then.
[[nodiscard]] std::optional<os::FileStatus> journal_beside(const std::string& path);

/// The same for who has the lock.
bool finish_locked_edit(const std::string& target);

/// A file is about to take the name of `place`: a journal that was left of an older file goes, when
/// nothing stands there any more.
void drop_journal(const os::Place& place) noexcept;

}  // namespace tensorhold::io
