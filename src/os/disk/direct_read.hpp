// Reads past the system's cache, for what is not in it: direct_read_linux.cpp, or
// direct_read_generic.cpp for systems without a proven way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace tensorhold::os {

class File;

/// A second handle of a file, and what the system says of its cache. Thread-safe.
class DirectReads {
 public:
  /// What offset, address and size of a read are multiples of. More than any disk asks for.
  static constexpr std::size_t alignment = 4096;

  /// Null where the filesystem is not one on which reads past the cache are known to win, or the
  /// system refuses them or does not tell what it has in its cache.
  [[nodiscard]] static std::unique_ptr<const DirectReads> open(const File& file) noexcept;

  DirectReads(const DirectReads&) = delete;
  DirectReads& operator=(const DirectReads&) = delete;
  ~DirectReads();

  /// True when the page with this byte is in the system's cache. Asking changes nothing.
  [[nodiscard]] bool is_cached(std::uint64_t offset) const noexcept;

  /// Reads up to out.size() bytes and returns how many: fewer at the end of the file.
  /// std::nullopt when the system refuses or fails: an ordinary read then does it, or says why not.
  [[nodiscard]] std::optional<std::size_t> read(std::uint64_t offset,
                                                std::span<std::byte> out) const noexcept;

 private:
  DirectReads() noexcept = default;

  int handle_ = -1;
  std::byte* view_ = nullptr;  // never read; only asked about
  std::size_t length_ = 0;
};

}  // namespace tensorhold::os
