// Options and result of a release in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace tensorhold {
inline namespace v0 {

struct ReleaseOptions {
  /// Threads that copy; 0: as many as the machine has, at most 4.
  unsigned threads = 0;
  /// Called on the caller's thread between chunks, with bytes released so far and in all. An
  /// exception from it stops the release and reaches the caller; what was not released by then is
  /// still held, and a later release goes on from there. Releasing the same file from it, or
  /// pinning a tensor of that, is an error (invalid_argument).
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};
  /// Memory pinned for devices or registered buffers would keep the pages that a release takes
  /// away, so a release is refused while the process has any. True: the caller knows that none of
  /// it is a tensor of this file, or has a Pin of each that is.
  bool pinned_elsewhere = false;
};

/// What a release did.
struct Released {
  std::size_t files = 0;    ///< open files that let go of their holds
  std::size_t tensors = 0;  ///< live tensors that are private memory now
  std::uint64_t bytes = 0;  ///< private memory that it took, in whole pages
};

}  // namespace v0
}  // namespace tensorhold
