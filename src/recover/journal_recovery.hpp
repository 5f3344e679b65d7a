// Journals that were left: found, judged, followed or left alone. For who opens, saves, edits,
// moves or removes a file.
//
// A journal stands beside its file, with the number of the file in its name, from before the first
// byte of the file is touched until the last one is written. Its maker has the lock of the file
// (lock.hpp) all that time. So a journal without a lock was left by somebody who was killed: the
// edit counts as made, and whoever opens, saves or edits the file next writes it again from the
// journal, as often as it takes. What stands at the journal's name and is none of this very file
// and its bytes is left alone, whatever it is, and keeps nobody from the file.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "os/lock/lock.hpp"
#include "os/output/output.hpp"
#include "os/replace/beside.hpp"
#include "os/replace/place.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::io {

/// How long who meets an edit waits for its end.
inline constexpr auto edit_patience = std::chrono::seconds(10);

/// A lock of a file; nothing where the filesystem has no locks.
struct Locked {
  std::optional<os::Lock> lock;
};

/// Looks for the journal of the file at one path (links followed). For one thread.
class JournalWatch {
 public:
  explicit JournalWatch(const std::string& path);
  /// For who knows whether a link stands at the path.
  JournalWatch(const std::string& path, bool is_link);

  /// True while a journal of the file `identity`, which stood at the path just now, has to be seen
  /// to. Costs one look at a name where there is none. Who has a lock on the file, a shared one
  /// counts, sees one that was left: nobody edits then.
  [[nodiscard]] bool stands(const os::Identity& identity);

  /// Sees to it: waits for the edit, finishes one that was cut short, or learns to leave alone what
  /// stands there. The file is closed then, and is to be opened and looked at again. Raises
  /// permission_denied (the edit was cut short, and is somebody else's to finish), lock_conflict
  /// (an edit takes long), io_error, no_space.
  void settle(os::File file);

 private:
  const os::Place& place();
  [[nodiscard]] std::chrono::milliseconds patience() const;
  /// std::nullopt: another file stands there now, or none.
  [[nodiscard]] std::optional<Locked> lock(const os::Identity& identity, os::LockMode mode);
  [[nodiscard]] bool is_left(const os::Identity& identity, const std::string& name);
  void leave_whole(const os::Identity& identity, const Error& refusal);

  const std::string path_;
  const std::chrono::steady_clock::time_point deadline_;
  std::optional<os::Place> place_;
  std::optional<os::FileStatus> left_alone_;
};

/// Finishes an edit of the file at `path` that was cut short; waits for one that is being made.
/// Does nothing where no file stands, or one that may not be read. Raises what
/// JournalWatch::settle() raises.
void finish_edit(const std::string& path);

/// The same for who has the lock of `target`, which stands at `place`.
void finish_locked_edit(const os::Place& place, os::Output& target);

/// Calls `read`, which reads bytes of `file` that an edit may be writing, such that it reads those
/// of one moment. With the status from before; called again when somebody wrote meanwhile, waiting
/// for edits. False: a journal stands beside the file that `watch` is to settle (none to ask: for a
/// file without a path); what was read counts for nothing then. Raises what the last call raises,
/// lock_conflict.
[[nodiscard]] bool read_steadily(const os::File& file, JournalWatch* watch,
                                 const std::function<void(const os::FileStatus&)>& read);

/// A file that no edit writes into, and none was left of, for as long as this lives.
struct StillFile {
  os::File file;
  os::MomentLock lock;  // on it
};

/// std::nullopt: no regular file stands at `path` (links followed), or it may not be read. Waits,
/// and raises, as finish_edit().
[[nodiscard]] std::optional<StillFile> hold_still(const std::string& path);

/// Waits for others; raises lock_conflict. `path`: for the message.
[[nodiscard]] os::MomentLock take_moment(std::intptr_t handle, os::LockMode mode,
                                         const std::string& path);

/// The journal of the file that stands at a place: for who takes that file away from there.
class OldJournal {
 public:
  explicit OldJournal(const os::Place& place) noexcept;
  /// Once the file is gone from the place: its journal goes.
  void drop() const noexcept;

 private:
  const os::Place& place_;
  os::Identity file_;
  std::string name_;
  std::optional<os::FileStatus> seen_;
};

}  // namespace tensorhold::io
