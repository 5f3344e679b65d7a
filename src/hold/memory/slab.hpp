// Memory of small tensors: cut from slabs of plain pages, given back to the system page by page.
#pragma once

#include <cstddef>

namespace tensorhold::hold {

/// The longest piece that a slab can give, in bytes.
inline constexpr std::size_t largest_piece = std::size_t{2} << 20;

/// A piece of at least `nbytes` (at most largest_piece) at a multiple of owned_alignment; null when
/// the system refuses memory. Pieces are cut one after the other, so tensors that are loaded
/// together lie together. Thread-safe.
[[nodiscard]] std::byte* allocate_piece(std::size_t nbytes) noexcept;

/// Takes a piece back, with the same `nbytes`. A page goes back to the system with its last piece,
/// a slab's address space with its last page; of the pieces cut last, up to 256 KiB wait for the
/// next ones instead.
void free_piece(std::byte* piece, std::size_t nbytes) noexcept;

}  // namespace tensorhold::hold
