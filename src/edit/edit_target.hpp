// A file that is about to be edited: locked, whole, its header read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "format/header/header.hpp"
#include "os/lock/lock.hpp"
#include "os/output/output.hpp"
#include "os/replace/place.hpp"
#include "tensorhold/edit.hpp"

namespace tensorhold::io {

/// For one thread.
class EditTarget {
 public:
  /// Takes the lock, finishes an edit that was cut short, reads and checks the header. Raises what
  /// open() raises, lock_conflict, permission_denied, unsupported.
  EditTarget(const std::string& path, const EditOptions& options);

  /// Where the file stands, links followed.
  [[nodiscard]] const os::Place& place() const noexcept { return place_; }
  [[nodiscard]] os::Output& output() noexcept { return *output_; }
  [[nodiscard]] const os::Identity& identity() const noexcept { return identity_; }
  [[nodiscard]] const format::Header& header() const noexcept { return header_; }
  /// Length field and header as they stand in the file.
  [[nodiscard]] std::span<const std::byte> prefix() const noexcept {
    return std::as_bytes(std::span(prefix_));
  }
  [[nodiscard]] std::uint64_t file_bytes() const noexcept { return file_bytes_; }
  /// False: a symbolic link stands at the path, and is to be replaced instead of followed.
  [[nodiscard]] bool in_place() const noexcept { return in_place_; }

  /// Another handle of the file. Raises replaced when that does not stand at the place any more.
  [[nodiscard]] os::File open_again() const;
  /// Raises replaced when another file stands at the place: who replaces a file takes no lock.
  void refuse_replaced() const;

  /// Closes the file, for systems that refuse to replace one that is open; output() ends. The lock
  /// ends too: from here on it is the system that keeps away those who have the file open. Raises
  /// replaced when somebody edited or replaced the file in that very moment.
  void let_go();

 private:
  void read_header();

  bool in_place_;
  os::Place place_;
  std::optional<os::Lock> lock_;  // none, like `output_`: let go
  os::Identity identity_;
  std::optional<os::Output> output_;
  std::uint64_t file_bytes_ = 0;
  std::string prefix_;
  format::Header header_;
};

}  // namespace tensorhold::io
