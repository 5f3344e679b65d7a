#include "hold/memory/owned_memory.hpp"

#include <cstdint>
#include <new>

#include "base/checked.hpp"
#include "hold/memory/slab.hpp"
#include "os/memory/memory.hpp"

namespace tensorhold::hold {

static_assert(own_mapping_bytes <= largest_piece && own_mapping_bytes >= os::huge_page_bytes);

void OwnedMemoryDeleter::operator()(std::byte* bytes) const noexcept {
  if (nbytes < own_mapping_bytes) return free_piece(bytes, nbytes);
  // The mapping begins at a multiple of a huge page.
  const std::size_t into_page = reinterpret_cast<std::uintptr_t>(bytes) % owned_page;
  os::unmap_memory(bytes - into_page, into_page + nbytes);
}

OwnedMemory allocate_owned(std::size_t nbytes, std::size_t into_page) {
  std::byte* bytes = nullptr;
  if (nbytes < own_mapping_bytes) {
    bytes = allocate_piece(nbytes);
  } else if (const auto total = base::checked_add(nbytes, into_page)) {
    bytes = os::map_memory(static_cast<std::size_t>(*total), os::huge_page_bytes, os::Pages::huge);
    if (bytes != nullptr) bytes += into_page;
  }
  if (bytes == nullptr) throw std::bad_alloc();
  return adopt_owned(bytes, nbytes);
}

}  // namespace tensorhold::hold
