#include "base/checked.hpp"
#include "os/error/api_windows.hpp"
#include "os/file/mapping.hpp"
#include "os/memory/memory.hpp"

namespace tensorhold::os {
namespace {

// Another thread may take the address between two calls; that happens to few of many tries.
constexpr int tries = 16;

void* allocate(void* at, std::size_t bytes, DWORD kind) noexcept {
  return VirtualAlloc(at, bytes, kind, PAGE_READWRITE);
}

}  // namespace

// Large pages need a privilege that nobody has by default, and cannot be paged out: not asked for.
std::byte* map_memory(std::size_t bytes, std::size_t alignment, Pages) noexcept {
  const auto whole = base::checked_align_up(bytes, page_size());
  const auto padded = whole ? base::checked_add(*whole, alignment) : std::nullopt;
  const auto length = padded ? base::checked_size(*padded) : std::nullopt;
  if (!length) return nullptr;
  for (int i = 0; i < tries; ++i) {
    void* const hole = allocate(nullptr, *length, MEM_RESERVE);
    if (hole == nullptr) return nullptr;
    const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(hole);
    const std::uintptr_t aligned = (first + alignment - 1) & ~(std::uintptr_t{alignment} - 1);
    VirtualFree(hole, 0, MEM_RELEASE);
    void* const got =
        allocate(reinterpret_cast<void*>(aligned),  // NOLINT: an address just computed
                 static_cast<std::size_t>(*whole), MEM_RESERVE | MEM_COMMIT);
    if (got != nullptr) return static_cast<std::byte*>(got);
  }
  return nullptr;
}

void unmap_memory(std::byte* begin, std::size_t) noexcept { VirtualFree(begin, 0, MEM_RELEASE); }

void discard_memory(std::byte* begin, std::size_t bytes) noexcept {
  VirtualFree(begin, bytes, MEM_DECOMMIT);
}

// MEM_RESET gives up the bytes but not the commit, which is what there is too little of.
bool lend_memory(std::byte*, std::size_t) noexcept { return false; }

}  // namespace tensorhold::os
