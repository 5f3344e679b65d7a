// Who holds a file: a look at the processes of the machine, and a proof that nobody is left.
// holders_linux.cpp, holders_windows.cpp and holders_generic.cpp implement the first two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "os/file/file.hpp"
#include "tensorhold/holder.hpp"

namespace tensorhold::os {

/// One process that holds a file, at the moment it was looked at.
struct ProcessHold {
  std::int64_t pid = 0;
  std::string command;             ///< its name, printable UTF-8; empty: could not be read
  std::uint64_t mapped_bytes = 0;  ///< address space that shows the file; 0: not mapped
  std::size_t handles = 0;         ///< open handles of the file
  bool locks = false;              ///< has a FileLock of this library on it
  bool hint_only = false;          ///< the system names the process, but not how it holds
};

/// What a look at the processes found, and what it could not see. Nothing in it is a proof that
/// somebody who is not listed does not hold: prove_held() is.
struct HolderScan {
  bool looked = false;               ///< false: this system has no way to look
  std::vector<ProcessHold> holds;    ///< by pid; this process too, with `file`'s own handle
  std::size_t closed_processes = 0;  ///< processes that may not be looked into
  bool hidden_processes = false;     ///< there may be processes that are not even listed, such as
                                     ///< those of other containers
};

/// Looks at all processes for the file that is open as `file`. Maps a page of it for a moment.
/// Processes that end meanwhile are left out. Raises out_of_memory only. Thread-safe.
[[nodiscard]] HolderScan scan_holders(const File& file);

/// Whether any process, this one too, has a handle or a mapping of the file `which` that stands at
/// `path`; proven by the system, so processes that cannot be seen count too. `unknown`: the system
/// or the filesystem cannot tell, the file is not the caller's, or another stands there. For the
/// time of the call others who open the file wait, those who open without waiting are refused.
[[nodiscard]] HoldProof prove_held(const std::string& path, const Identity& which) noexcept;

struct OtherHolders {
  std::vector<Holder> list;  ///< one a process, by pid; of this process none
  std::size_t unseen = 0;    ///< processes that could not be looked into
  HoldProof proof = HoldProof::unknown;
};

/// Other processes that have the file `identity`, which stands at `path`, mapped or open, and the
/// proof, which counts this process too. Processes come and go meanwhile.
[[nodiscard]] OtherHolders other_holders(const Identity& identity, const std::string& path);

}  // namespace tensorhold::os
