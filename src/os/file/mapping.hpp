// Mappings of files. mapping_posix.cpp and mapping_windows.cpp implement it. All errors are
// tensorhold::Error with the path of the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "os/file/file.hpp"

namespace tensorhold::os {

enum class Protection : std::uint8_t {
  read_only,
  private_writable  ///< copy on write; no commit is charged up front where the system allows that
};

/// A mapped range of a whole file; unmaps itself. Holds the file, but needs no open handle.
class Mapping {
 public:
  Mapping() noexcept = default;
  Mapping(Mapping&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)), length_(std::exchange(other.length_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  /// Maps the first `length` (> 0) bytes of the file. Raises cannot_map (the filesystem has no
  /// mappings), out_of_memory, too_many_open, io_error. The address is congruent to 0 modulo 2 MiB
  /// where the length is at least that (release relies on it).
  [[nodiscard]] static Mapping map(const File& file, std::uint64_t length, Protection protection);

  [[nodiscard]] std::byte* data() const noexcept { return base_; }
  [[nodiscard]] std::size_t size() const noexcept { return length_; }
  void unmap() noexcept;

 private:
  std::byte* base_ = nullptr;
  std::size_t length_ = 0;
};

/// True where a mapping keeps others from deleting or replacing the file.
extern const bool mapping_blocks_others;

/// True where others may make a file shorter while it is mapped. What is lost of its last page then
/// reads as zeros, without a fault.
extern const bool mapped_files_shrink;

/// Size of a page.
[[nodiscard]] std::size_t page_size() noexcept;

}  // namespace tensorhold::os
