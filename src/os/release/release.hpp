// The only platform code, release in place: pages of a file become private memory at the same
// address. release_linux.cpp and release_windows.cpp implement it; elsewhere no way is proven, so
// release_generic.cpp refuses. All errors are tensorhold::Error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "os/file/file.hpp"
#include "os/file/mapping.hpp"

namespace tensorhold::os {

/// Part of a mapping: [begin, end), in bytes from its first one.
struct Part {
  std::size_t begin = 0;
  std::size_t end = 0;
  friend bool operator==(const Part&, const Part&) = default;
};

struct ReleaseOptions {
  Protection protection = Protection::read_only;  ///< of the mapping
  /// The file, when it is still open: may be read instead of the mapping where that is known to
  /// give the same bytes.
  const File* file = nullptr;
  /// What the file has now, in bytes; nothing when that is not known. Asked after bytes were taken:
  /// what a file loses of its last page reads as zeros. May be called from several threads.
  std::function<std::optional<std::uint64_t>()> size = {};
  /// True: some of the mapping was exchanged before, so its bytes are not the file's.
  bool resumed = false;
};

/// The release of one mapping, chunk by chunk. Readers in other threads see no wrong byte and no
/// signal at any moment. Writers of a private writable mapping lose no write; a thread that writes
/// waits while 2 MiB around are copied. Where that is weaker:
///   Linux    a writer that blocks SIGSEGV is killed; a system call that writes into the 2 MiB that
///            are being copied may report EFAULT. The handler of SIGSEGV stays once installed and
///            passes on whatever is not its own.
///   Windows  a system call on the memory of a view that is being exchanged fails.
/// exchange() may be called for different chunks from several threads; the rest is for one.
class Release {
 public:
  /// Takes what the release needs from the system, and changes nothing yet. `live` (sorted,
  /// disjoint): what is to keep its bytes at most. Raises release_unsupported, out_of_memory.
  /// `mapping` must outlive this.
  Release(const Mapping& mapping, std::span<const Part> live, const ReleaseOptions& options);
  Release(const Release&) = delete;
  Release& operator=(const Release&) = delete;
  ~Release();

  /// Number of chunks of that mapping, and the bytes of one; the same in every release of it.
  [[nodiscard]] std::size_t chunks() const noexcept;
  [[nodiscard]] Part chunk(std::size_t number) const noexcept;

  /// The pages that `live` (sorted, disjoint, within the chunk) touches become private with their
  /// bytes; all other pages of the chunk lose theirs and cost nothing. Returns the bytes of memory
  /// that it took. Raises out_of_memory, release_refused, truncated and io_error (with the offset
  /// of a byte that is gone): then every live byte is as before, and a later release may try again.
  std::size_t exchange(std::size_t number, std::span<const Part> live);

  /// True once any page was exchanged, so that dead tensors may have lost their bytes.
  [[nodiscard]] bool touched() const noexcept;

  /// Gives back the memory of `pages` (whole ones of a mapping, exchanged or not), whose bytes
  /// nobody needs, where the system can.
  static void discard(std::byte* pages, std::size_t bytes) noexcept;
  /// After a discard within the 2 MiB that `page` is in, a whole page of exchanged memory that
  /// stays: makes the system give back what was discarded of a huge page there.
  static void split_huge_page(std::byte* page) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Rounded out to whole pages.
[[nodiscard]] Part to_pages(Part part) noexcept;

/// The whole pages that `live` touches, merged, and the bytes of them all.
[[nodiscard]] std::size_t count_pages(std::span<const Part> live) noexcept;

/// True when memory of this process is pinned for devices or registered buffers. A release would
/// leave whoever pinned it with the old pages.
[[nodiscard]] bool has_pinned_memory() noexcept;

}  // namespace tensorhold::os
