// The way past the system's cache, for files that are not in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "io/bounce_pool.hpp"
#include "os/direct_read.hpp"

namespace tensorhold::io {

/// Disks read into memory at multiples of their blocks, and tensors lie anywhere: bytes come into a
/// buffer and are copied from there, which other threads' reads hide. Thread-safe.
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

 private:
  [[nodiscard]] bool read_through(std::uint64_t offset,
                                  std::span<const std::span<std::byte>> pieces) const;

  const std::unique_ptr<const os::DirectReads> reads_;
  mutable BouncePool pool_{buffers, buffer_bytes};
  mutable Turnstile device_{device_reads};
};

}  // namespace tensorhold::io
