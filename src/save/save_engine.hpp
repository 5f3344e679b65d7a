// From memory to a file at the speed of the device: large writes by several threads, past the page
// cache where that wins.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <thread>

#include "os/output/output.hpp"
#include "tensorhold/dtype.hpp"
#include "tensorhold/options.hpp"
#include "transfer/bounce_pool.hpp"

namespace tensorhold::io {

/// Bytes of memory and their place in the file. Bytes of mapped files may vanish under a write:
/// that is an error (truncated) and never a signal.
struct Piece {
  std::uint64_t at = 0;              ///< offset in the file
  std::span<const std::byte> bytes;  ///< in the byte order of the machine
  Dtype dtype = Dtype::u8;           ///< of the elements in `bytes`; the file's are little-endian
};

/// Writes pieces into one output. write() may be called by several threads at once for ranges that
/// do not overlap. Shared between threads: the pool, the counts, and `progress` (called under a
/// lock). Borrows the output.
class SaveEngine {
 public:
  /// `total`: bytes of the whole file, for progress and for choosing the way.
  SaveEngine(os::Output& output, std::uint64_t total, const SaveOptions& options);

  /// Writes pieces that come one right after the other, in order. Takes up to `threads` threads,
  /// the caller's among them. Raises cancelled, truncated (offset() is in the file), no_space,
  /// io_error, and what progress throws; part of the pieces may have been written then.
  void write(std::span<const Piece> pieces);

  /// Raises cancelled when the options' stop is set.
  void refuse_stopped() const;

  /// Bytes that were written so far.
  [[nodiscard]] std::uint64_t done() const noexcept { return done_.load(); }

 private:
  class Job;
  void report();

  os::Output& output_;
  const std::uint64_t total_;
  const StopToken stop_;
  const std::string path_;
  const bool direct_;
  const unsigned threads_;
  const std::size_t chunk_bytes_;
  BouncePool pool_;
  Turnstile device_;                          // for bytes out of the pool
  std::atomic<bool> direct_refused_ = false;  // by the filesystem, at the first try
  std::atomic<unsigned> busy_ = 0;            // threads in write()
  std::atomic<std::uint64_t> done_ = 0;
  std::mutex progress_mutex_;              // one call of progress at a time
  std::atomic<std::thread::id> reporter_;  // who is in it
  const Progress progress_;
};

}  // namespace tensorhold::io
