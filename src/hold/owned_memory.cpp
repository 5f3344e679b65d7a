#include "hold/owned_memory.hpp"

#include <new>

#include "hold/slab.hpp"
#include "os/memory.hpp"

namespace tensorhold::hold {

static_assert(own_mapping_bytes <= largest_piece && own_mapping_bytes >= os::huge_page_bytes);

void OwnedMemoryDeleter::operator()(std::byte* bytes) const noexcept {
  if (nbytes >= own_mapping_bytes)
    os::unmap_memory(bytes, nbytes);
  else
    free_piece(bytes, nbytes);
}

OwnedMemory allocate_owned(std::size_t nbytes) {
  std::byte* const bytes = nbytes >= own_mapping_bytes
                               ? os::map_memory(nbytes, os::huge_page_bytes, os::Pages::huge)
                               : allocate_piece(nbytes);
  if (bytes == nullptr) throw std::bad_alloc();
  return adopt_owned(bytes, nbytes);
}

}  // namespace tensorhold::hold
