// What a journal begins with: which file it is about, and how that file is known again.
//
// A journal is followed only into the very file that it was written for: the same number (inode)
// and the same time of birth, because systems give the number of a removed file to the next one
// that is made. A copy of both, as of their folder, is another file, and is left as it was copied:
// nothing tells it from a new file that somebody put there, and to write into that would destroy
// it; that a few of its bytes are old ones and others new ones does not prove it a copy, since two
// numbers may share digits. Who copies a file whose edit was cut short opens it once before.
//
// The file may also have been written anew in place, by others, as the same file. Its bytes tell:
// where neither an old byte nor a new one stands, it is not what the edit was made for. And its
// time of change, when all of the bytes are old ones: the edit had not begun, and is not made then.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace tensorhold::io {

/// Little-endian numbers in this order; the sum comes last.
struct Head {
  static constexpr std::uint64_t current = 0x326c616e72756f6a;  // "journal2"

  std::uint64_t magic = current;
  std::uint64_t file = 0;  ///< identity, without the device: numbers of devices change at boot
  std::uint64_t file_high = 0;
  std::uint64_t born = 0;          ///< os::birth_mark()
  std::uint64_t modified = 0;      ///< time of change before the edit began
  std::uint64_t file_bytes = 0;    ///< size of the file, which an edit does not change
  std::uint64_t prefix_bytes = 0;  ///< length field and header
  std::uint64_t prefix_sum = 0;    ///< sum of these, as long as the edit is not about them
  std::uint64_t at = 0;            ///< the range in the file
  std::uint64_t nbytes = 0;
  std::uint64_t before_at = 0;  ///< in the journal: old bytes
  std::uint64_t samples = 0;    ///< of the old bytes, one after the other; 0: all of them are there
  std::uint64_t after_at = 0;   ///< in the journal; congruent to `at`, so that blocks can be shared
  std::uint64_t bytes_sum = 0;  ///< of the old bytes and the new ones, when all are there
  std::uint64_t sum = 0;        ///< of all numbers above
};
inline constexpr std::size_t head_bytes = sizeof(Head);

/// With its sum, whatever stands in `head.sum`.
[[nodiscard]] std::array<std::byte, head_bytes> encode(const Head& head);

/// std::nullopt when `in` is no head, or not one of a journal of `journal_bytes`.
[[nodiscard]] std::optional<Head> decode(std::span<const std::byte, head_bytes> in,
                                         std::uint64_t journal_bytes);

/// Where samples of a range of `nbytes` (> 0) are taken.
struct Samples {
  explicit Samples(std::uint64_t nbytes) noexcept;
  /// From the begin of the range.
  [[nodiscard]] std::uint64_t offset(std::uint64_t i) const noexcept { return step * i; }

  std::uint64_t bytes = 0;  ///< of each
  std::uint64_t count = 0;
  std::uint64_t step = 0;
};

}  // namespace tensorhold::io
