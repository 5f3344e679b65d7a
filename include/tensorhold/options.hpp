// Options of open, load and save. Every default is one that a newcomer never needs to change.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "tensorhold/stop.hpp"

namespace tensorhold {
inline namespace v0 {

/// The way bytes are brought in.
enum class Access : std::uint8_t {
  automatic,  ///< decided at open from facts; File::access() and File::why() tell
  mapped,     ///< pages of the file: no copy, read when touched; the file is held
  owned  ///< private memory, read on first use; the file is held only until all live tensors are
         ///< read
};

/// Called now and then on the caller's thread, with the bytes done so far and the bytes in all. An
/// exception from it ends the work and reaches the caller.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

inline constexpr std::uint64_t default_header_limit = 100'000'000;

struct OpenOptions {
  Access access = Access::automatic;
  /// Accepts bytes after the last tensor (File::trailing_bytes() counts them), and values of
  /// metadata that are no strings, as their JSON text. Nothing else is accepted that the format
  /// forbids.
  bool lenient = false;
  /// Longest accepted header in bytes; the reference's 100,000,000 by default, below 4 GiB.
  std::uint64_t header_limit = default_header_limit;
  /// Survives reads of mapped bytes that the file lost (made shorter by others, a broken disk):
  /// zeros appear there, as without it in what is cut off the file's last page, instead of a signal
  /// that ends the process, File::check() tells (damaged), and every later copy and save of the
  /// file's tensors raises damaged. Installs a handler of SIGBUS while such a file is mapped, which
  /// passes on what is not its own; a thread that blocks the signal is not helped. Where the system
  /// has no such way (Windows), mapped access raises unsupported.
  bool guard = false;
  /// True: takes a shared lock (lock_shared() in lock.hpp) before the header is read, and keeps it
  /// until nobody needs the file through this open any more, tensors, loads and streams that are
  /// under way among them: whoever edits in place under an exclusive lock is kept away. Raises what
  /// lock_shared() raises; lock_conflict after `lock_timeout`. Needs a path.
  bool lock = false;
  std::chrono::milliseconds lock_timeout = std::chrono::milliseconds(0);
  /// Shown by holders() for tensors of this open.
  std::string label = {};
};

/// How tensors are read into memory: Plan (load.hpp), File::load() and File::prefetch().
///
/// On Linux, loads of 16 MiB or more from a disk or FUSE read past the system's cache what is not
/// in it, at the storage's speed; the cache stays as it is. Tensors of 2 MiB or more that the file
/// has at multiples of 64 bytes are read into their place, others through buffers of about 4 MiB
/// for each thread.
struct LoadOptions {
  /// Threads that read, the caller's among them; 0: chosen by what kind of storage it is.
  unsigned threads = 0;
  /// Bytes of memory that the work may take; 0: what the machine and its containers leave. load()
  /// raises memory_limit before it begins when the tensors need more; a stream stays at most that
  /// far ahead of its consumer (0: 256 MiB), but for one tensor that is larger.
  std::uint64_t memory_budget = 0;
  Progress progress = {};
  /// Ends the work with the error `cancelled` after the reads that are under way.
  StopToken stop = {};
};

/// A new file has the rights (owner, mode, access control list), the user.* attributes and the
/// security labels of the file that it replaces, as far as the system lets it; what cannot be kept
/// is left out such that nobody has more rights than on the old file, at any moment. Never set-id
/// bits. Where a symbolic link is replaced, which has no rights of its own: those of a new file,
/// but for group and others no more than on what the link led to.
struct SaveOptions {
  /// The data begins at a multiple of this many bytes: 8 (as the reference writes), 64 or 4096, by
  /// spaces at the end of the header. Any power of two from 8 to 65536 is accepted.
  std::uint64_t align = 8;
  /// Spaces kept free at the end of the header for later metadata edits, in bytes.
  std::uint64_t reserve_header = 0;
  /// False: a symbolic link at the path is replaced by the new file. True: the link stays and the
  /// file that it points to is replaced, in that file's own folder.
  bool follow_symlink = false;
  /// True: on return the file survives a power cut (fsync of file and folder).
  bool durable = true;
  /// Threads that write, the caller's among them; 0: chosen by how the filesystem takes writes.
  unsigned threads = 0;
  /// Between large writes. A Writer calls it on the threads that write, one at a time.
  Progress progress = {};
  /// Set: the save ends at the next write, or after the last one, with `cancelled`, and what stood
  /// at the path stands there.
  StopToken stop = {};
  /// For filesystems that refuse to rename a file onto another, and for a file that is itself a
  /// mount point, as containers are given single files. True: there, the bytes of the
  /// finished file are copied over those of the file at the path. That is not atomic: who reads
  /// meanwhile sees an invalid file, and a process killed meanwhile leaves one (its first bytes are
  /// written last, so that it is never taken for a whole one). Own holds on the file are released
  /// first. False: such a save raises what the rename raised, and the old file stands.
  bool in_place = false;
};

}  // namespace v0
}  // namespace tensorhold
