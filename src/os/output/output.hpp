// The only platform code, writing side: a file that is open for writing.
// output.cpp, and output_posix.cpp or output_windows.cpp, implement it. All errors are
// tensorhold::Error with the path of the file that is being written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "os/file/file.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {

/// A file that is open for writing and reading; closes itself. write_at(), write_direct() and
/// read_at() are positional and may be called by several threads at once, for ranges that do not
/// overlap; everything else is for one thread at a time.
class Output {
 public:
  Output(Output&& other) noexcept
      : handle_(std::exchange(other.handle_, closed_handle)),
        direct_(std::exchange(other.direct_, closed_handle)),
        path_(std::move(other.path_)),
        lost_(std::move(other.lost_)) {}
  Output& operator=(Output&&) = delete;
  ~Output() { close(); }

  enum class Missing : std::uint8_t { refuse, create };
  /// The regular file that stands at `path`, links followed, as it is; where nothing stands, an
  /// empty one or not_found. Raises not_a_file, permission_denied, too_many_open, io_error.
  [[nodiscard]] static Output open(const std::string& path, Missing missing = Missing::refuse);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] FileStatus status() const;

  /// Reserves room, so that a full disk is found before anything is written. no_space; whatever
  /// else the filesystem answers is ignored.
  void preallocate(std::uint64_t bytes);

  /// Writes all of the parts one after the other, the first at `offset`. Retries short writes and
  /// interrupted calls. no_space, io_error; truncated when the memory of a part cannot be read,
  /// because the file behind it became shorter (offset() tells where).
  void write_at(std::uint64_t offset, std::span<const std::span<const std::byte>> parts) const;

  /// Raises no_space where a write up to `end` would be beyond the limit of the process on file
  /// sizes, as each write does by itself.
  void refuse_limit(std::uint64_t end) const;

  /// Prepares write_direct(). False where the filesystem is not one on which writes past the page
  /// cache are known to win, or refuses them.
  [[nodiscard]] bool open_direct();

  /// What write_direct() wants its offset, address and size to be multiples of.
  static constexpr std::size_t direct_alignment = 4096;

  /// Writes past the page cache. False: the system does not take it, or the memory cannot be read;
  /// part of it may have been written, and write_at() is to write (or to report) all of it. Errors
  /// as write_at().
  [[nodiscard]] bool write_direct(std::uint64_t offset, std::span<const std::byte> bytes) const;

  /// Fills all of `out` from `offset`, as File::read_at().
  void read_at(std::uint64_t offset, std::span<std::byte> out) const;

  /// Makes the file `bytes` long. False when the filesystem has no way to.
  [[nodiscard]] bool resize(std::uint64_t bytes);

  /// Hands the bytes to the filesystem; network filesystems find a full disk or quota only now.
  /// no_space, io_error, as sync(). Part of sync().
  void flush();

  /// Makes the bytes survive a power cut; false when the filesystem has no way to. io_error,
  /// no_space: the bytes may be lost, and every later flush, sync and put_in_place() of this object
  /// raises the same. Systems tell of lost bytes once: they drop them from their cache, and the
  /// next sync has nothing to do and succeeds.
  [[nodiscard]] bool sync();
  /// The same without the file's times and rights, which is less work for a file whose size stays.
  [[nodiscard]] bool sync_bytes();

  /// True once a flush or a sync failed: nothing that was written counts.
  [[nodiscard]] bool is_lost() const noexcept { return lost_.has_value(); }

  /// Descriptor or HANDLE, for the other files of this layer.
  [[nodiscard]] std::intptr_t native() const noexcept { return handle_; }

 protected:
  static constexpr std::intptr_t closed_handle = -1;
  explicit Output(std::string path) : path_(std::move(path)) {}
  void close() noexcept;
  /// Raises again what a flush or a sync raised before.
  void refuse_lost() const {
    if (lost_) throw *lost_;
  }

  std::intptr_t handle_ = closed_handle;
  std::intptr_t direct_ = closed_handle;  // the same file past the page cache
  std::string path_;                      // of the file that is meant, for errors

 private:
  // What flush(), sync() and sync_bytes() ask of the system.
  void ask_to_flush();
  [[nodiscard]] bool ask_to_sync();
  [[nodiscard]] bool ask_to_sync_bytes();

  std::optional<Error> lost_;  // what the first of them raised
};

}  // namespace tensorhold::os
