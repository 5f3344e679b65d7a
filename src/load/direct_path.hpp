// The way past the system's cache, for files that are not in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "os/disk/direct_read.hpp"
#include "transfer/bounce_pool.hpp"

namespace tensorhold::io {

/// Disks read into memory at multiples of their blocks. Where a tensor does not lie in memory as in
/// the file, bytes come into a buffer and are copied from there, which other threads' reads hide.
/// Thread-safe.
class DirectPath {
 public:
  /// What a buffer takes of memory, in bytes; there are as many as threads read at a time, and at
  /// most `buffers`.
  static constexpr std::size_t buffer_bytes = (std::size_t{4} << 20) + (std::size_t{128} << 10);
  static constexpr std::size_t buffers = 64;
  /// Reads at the device at once. It may finish all that it was given together, and would wait
  /// while all threads copied.
  static constexpr unsigned device_reads = 6;
  /// Shorter reads are better left to the cache, in bytes.
  static constexpr std::uint64_t shortest = std::uint64_t{256} << 10;

  explicit DirectPath(std::unique_ptr<const os::DirectReads> reads) : reads_(std::move(reads)) {}

  /// Fills the pieces one after the other, from `offset` of the file. False, with any bytes in
  /// them: what is wanted is short, or in the cache, or cannot be had this way.
  [[nodiscard]] bool read_at(std::uint64_t offset,
                             std::span<const std::span<std::byte>> pieces) const;

  /// The same for memory that lies in pages of os::DirectReads::alignment bytes as the file's bytes
  /// lie in its pages, without a buffer. Bytes around it in its first and last page may change.
  [[nodiscard]] bool read_in_place(std::uint64_t offset, std::span<std::byte> to) const;

 private:
  /// The pages of the file with these bytes. Nothing: too few, or the cache has them.
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  [[nodiscard]] std::optional<Range> worth_reading(std::uint64_t offset,
                                                   std::uint64_t nbytes) const;
  [[nodiscard]] std::optional<std::size_t> read(std::uint64_t offset,
                                                std::span<std::byte> to) const;
  [[nodiscard]] bool read_through(std::uint64_t offset,
                                  std::span<const std::span<std::byte>> pieces) const;

  const std::unique_ptr<const os::DirectReads> reads_;
  mutable BouncePool pool_{buffers, buffer_bytes};
  mutable Turnstile device_{device_reads};
};

}  // namespace tensorhold::io
