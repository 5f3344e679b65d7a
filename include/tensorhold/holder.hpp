// Who holds a file: a live tensor of this process, or another process.
#pragma once

#include <cstdint>
#include <string>

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

}  // namespace v0
}  // namespace tensorhold
