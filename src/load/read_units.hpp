// From what is wanted of a file to the reads that bring it in. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tensor/part_catalog.hpp"

namespace tensorhold::io {

/// One read, or a few: the work of one thread at a time.
struct Unit {
  enum class Kind : std::uint8_t {
    group,  ///< several whole small ones, one after the other in the file
    piece,  ///< bytes of one, which has several units unless it is short
    rows    ///< runs of a part that is not one run of bytes
  };
  Kind kind = Kind::group;
  bool begins = true;       ///< nothing of its tensors was in a unit before this one
  std::uint32_t first = 0;  ///< position in Units::order
  std::uint32_t count = 1;  ///< how many, for a group
  /// Bytes of a piece, from the tensor's or part's first; turns of the outermost loop of rows.
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint64_t nbytes = 0;  ///< wanted bytes, without the gaps in between
};

struct Units {
  /// Positions in the catalog of what has bytes, in offset order.
  std::vector<std::uint32_t> order;
  /// In file order. Units of one tensor follow each other, the first `begins`.
  std::vector<Unit> list;
  /// How many units each position of the catalog has.
  std::vector<std::uint32_t> pieces;
  std::uint64_t nbytes = 0;
  std::uint64_t ranges = 0;  ///< runs of the file that do not touch each other

  /// True: the system should not guess that what follows in the file is wanted too.
  [[nodiscard]] bool scattered() const noexcept {
    return ranges > 1 && nbytes / ranges < (std::uint64_t{2} << 20);
  }
};

/// How far behind a multiple of hold::owned_page the memory of what lies at `offset` begins: as far
/// as the file has it, where it is large and that leaves it aligned, so that a disk reads into its
/// place; else at the multiple.
[[nodiscard]] std::size_t place_in_page(std::uint64_t offset, std::uint64_t nbytes) noexcept;

/// Small gaps are read over, as long as a group's gaps add up to less than this part of it.
inline constexpr std::uint64_t most_gaps_part = 32;
/// No gap that is read over is longer, in bytes.
inline constexpr std::uint64_t longest_gap = std::uint64_t{32} << 10;

/// `unit_bytes`: what a unit has at most; a multiple of the size of a huge page for long ones, so
/// that no two threads fill one of memory that is placed by place_in_page(). All of a part's rows
/// that lie in one turn of its outermost loop stay together, however many bytes they are.
[[nodiscard]] Units make_units(const tensor::PartCatalog& wanted, std::uint64_t unit_bytes);

}  // namespace tensorhold::io
