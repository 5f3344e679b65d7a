// Files that are read: handles, identities, positional reads. file_posix.cpp and file_windows.cpp
// implement it; the build picks one. All errors are tensorhold::Error with the path given at open;
// all paths are UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace tensorhold::os {

/// Which file, whatever its path: device and inode, or volume and 128-bit file id.
struct Identity {
  std::uint64_t device = 0;
  std::uint64_t file = 0;
  std::uint64_t file_high = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

enum class Reads : std::uint8_t {
  any,
  scattered  ///< nothing beyond them is wanted
};

enum class FileKind : std::uint8_t { regular, directory, other };

/// What the system says of a file at one moment.
struct FileStatus {
  Identity identity;
  FileKind kind = FileKind::other;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;  ///< time of the last change of the bytes, ns since 1970
  std::int64_t changed_ns = 0;   ///< time of the last change of bytes or attributes, ns since 1970
  std::uint64_t links = 0;       ///< names that the file has; 0: deleted
  friend bool operator==(const FileStatus&, const FileStatus&) = default;
};

/// An open handle for reading; closes itself. Reads are positional, so one File may be used by many
/// threads. On Windows opened with sharing of reads, writes and deletes.
class File {
 public:
  File() noexcept = default;
  File(File&& other) noexcept
      : handle_(std::exchange(other.handle_, closed_handle)), path_(std::move(other.path_)) {}
  File& operator=(File&& other) noexcept;
  ~File();

  /// Raises not_found, permission_denied, too_many_open, io_error. Directories open on POSIX and
  /// are told apart by status().
  [[nodiscard]] static File open_read(const std::string& path);
  /// A duplicate of a (C runtime) descriptor; `name` stands for the path in errors. Raises
  /// invalid_argument when that is not of a regular file that is open for reading.
  [[nodiscard]] static File duplicate(int descriptor, const std::string& name);

  /// Takes over a descriptor or HANDLE that was opened for reading; for the files of this layer.
  [[nodiscard]] static File adopt(std::intptr_t handle, std::string path) noexcept {
    File file;
    file.handle_ = handle;
    file.path_ = std::move(path);
    return file;
  }

  [[nodiscard]] bool is_open() const noexcept { return handle_ != closed_handle; }
  void close() noexcept;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] FileStatus status() const;
  /// The bytes that it has now; nothing when the system does not tell.
  [[nodiscard]] std::optional<std::uint64_t> size() const noexcept;

  /// Fills all of `out` from `offset`. Retries short reads and interrupted calls; unexpected_end
  /// with the offset when the file ends before.
  void read_at(std::uint64_t offset, std::span<std::byte> out) const;
  /// The same for several pieces of memory that are filled one after the other, in as few system
  /// calls as there are.
  void read_at(std::uint64_t offset, std::span<const std::span<std::byte>> pieces) const;

  /// Tells the system what reads will follow. A hint, for all who use the handle.
  void expect(Reads reads) const noexcept;

  /// Descriptor or HANDLE, for the other files of this layer.
  [[nodiscard]] std::intptr_t native() const noexcept { return handle_; }

 private:
  static constexpr std::intptr_t closed_handle = -1;  // INVALID_HANDLE_VALUE on Windows too
  std::intptr_t handle_ = closed_handle;
  std::string path_;
};

/// Status of what stands at `path`, links followed; std::nullopt when nothing does.
[[nodiscard]] std::optional<FileStatus> status_at(const std::string& path);

}  // namespace tensorhold::os
