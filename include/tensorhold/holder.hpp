// Who holds a file: a live tensor of this process, or another process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tensorhold {
inline namespace v0 {

/// One holder of a file. A plain value; describes the moment it was taken.
struct Holder {
  /// How the file is held.
  enum class How : std::uint8_t {
    mapped,  ///< pages of the file are mapped
    open,    ///< a handle is open, nothing is mapped
    unknown  ///< the system says that it is held, but not how
  };
  /// Which file the holder has, seen from the path that was asked about.
  enum class Which : std::uint8_t {
    current,   ///< the file that the path names now
    replaced,  ///< a file that the path named once; another stands there now
    deleted    ///< a file that the path named once; nothing stands there now
  };

  std::int64_t pid = 0;      ///< process that holds
  bool own = false;          ///< true: this process, through this library
  std::string command;       ///< name of the process, UTF-8; empty when it could not be read
  std::string tensor;        ///< own holders: name of the live tensor; empty: the File itself
  std::uint64_t nbytes = 0;  ///< bytes held; 0 when unknown
  std::string label;         ///< own holders: OpenOptions::label
  How how = How::unknown;
  Which which = Which::current;

  friend bool operator==(const Holder&, const Holder&) = default;
};

/// Whether anybody, in this or another process, has a file open or mapped, as the system itself
/// says.
enum class HoldProof : std::uint8_t {
  held,    ///< somebody has it
  free,    ///< nobody has it, whatever a list of holders could not see
  unknown  ///< the system does not say
};

/// Who holds a file, and what could not be seen.
struct Holders {
  std::vector<Holder> list;  ///< own tensors first, in offset order; then other processes
  std::size_t unseen = 0;    ///< processes that this one may not look into
  HoldProof proof = HoldProof::unknown;

  [[nodiscard]] auto begin() const noexcept { return list.begin(); }
  [[nodiscard]] auto end() const noexcept { return list.end(); }
  [[nodiscard]] bool empty() const noexcept { return list.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return list.size(); }
};

}  // namespace v0
}  // namespace tensorhold
