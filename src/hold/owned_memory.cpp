#include "hold/owned_memory.hpp"

#include <new>

namespace tensorhold::hold {

void OwnedMemoryDeleter::operator()(std::byte* bytes) const noexcept {
  ::operator delete(bytes, std::align_val_t{owned_alignment});
}

OwnedMemory allocate_owned(std::size_t nbytes) {
  return OwnedMemory(
      static_cast<std::byte*>(::operator new(nbytes, std::align_val_t{owned_alignment})));
}

}  // namespace tensorhold::hold
