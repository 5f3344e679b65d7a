// Memory that is filled elsewhere and then moved over a mapping.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "os/release/release.hpp"

namespace tensorhold::os {

inline constexpr std::size_t huge_page = std::size_t{2} << 20;

/// Empty private memory of a mapping's size, whose pages cost nothing until they are written. As
/// one piece, which the moves cut and the system joins again at the mapping's address, however many
/// parts of it are alive; where the address space is too short for that, in chunks. Its parts may
/// be used from several threads.
class Mirror {
  // Address space of a chunk's staging that is still ours.
  struct Left {
    std::byte* begin = nullptr;
    std::byte* end = nullptr;
  };

 public:
  /// Of `bytes` (whole pages) at `base`, in chunks of `chunk_bytes`, a multiple of 2 MiB. Blocks of
  /// 2 MiB that lie in `live` get huge pages.
  Mirror(const std::byte* base, std::size_t bytes, std::size_t chunk_bytes,
         std::span<const Part> live);
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;
  ~Mirror();

  /// Writable memory for one chunk, which is moved away from its first byte on. Knows what is left:
  /// where pages were moved away, anybody's memory may be by now.
  class Staging {
   public:
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;
    /// Empties what is left; its address space goes with the mirror.
    ~Staging();
    [[nodiscard]] std::byte* begin() const noexcept { return begin_; }
    /// The next `bytes` were moved away.
    void moved(std::size_t bytes) noexcept { left_.begin += bytes; }

   private:
    friend class Mirror;
    Staging(Mirror& mirror, Left& left) noexcept
        : mirror_(mirror), left_(left), begin_(left.begin) {}
    Mirror& mirror_;
    Left& left_;
    std::byte* begin_;
  };

  /// Raises out_of_memory.
  [[nodiscard]] Staging staging(Part chunk);
  /// The parts of a chunk whose staging is one mapping each.
  [[nodiscard]] std::vector<Part> pieces(Part chunk) const;

 private:
  [[nodiscard]] std::byte* reserve(std::size_t bytes) const noexcept;

  const std::byte* base_;
  std::size_t chunk_bytes_;
  std::vector<Part> huge_;  // few, sorted, disjoint
  std::vector<Left> left_;  // one a chunk
  bool whole_;              // false: each chunk's staging is reserved when it is asked for
};

}  // namespace tensorhold::os
