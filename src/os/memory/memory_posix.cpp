#include <sys/mman.h>

#include <cstdint>

#include "base/checked.hpp"
#include "os/file/mapping.hpp"
#include "os/memory/memory.hpp"

namespace tensorhold::os {
namespace {

#ifdef MAP_ANONYMOUS
constexpr int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
#else
constexpr int anonymous = MAP_PRIVATE | MAP_ANON;
#endif

/// Refusals change nothing but speed.
void advise(std::byte* begin, std::size_t bytes, Pages pages) noexcept {
#ifdef MADV_HUGEPAGE
  (void)::madvise(begin, bytes, pages == Pages::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#else
  (void)begin, (void)bytes, (void)pages;
#endif
}

}  // namespace

std::byte* map_memory(std::size_t bytes, std::size_t alignment, Pages pages) noexcept {
  const auto whole = base::checked_align_up(bytes, page_size());
  const auto padded = whole ? base::checked_add(*whole, alignment - page_size()) : std::nullopt;
  const auto length = padded ? base::checked_size(*padded) : std::nullopt;
  if (!length) return nullptr;
  void* const got = ::mmap(nullptr, *length, PROT_READ | PROT_WRITE, anonymous, -1, 0);
  if (got == MAP_FAILED) return nullptr;
  auto* const first = static_cast<std::byte*>(got);
  const std::size_t off = reinterpret_cast<std::uintptr_t>(first) % alignment;
  const std::size_t before = off == 0 ? 0 : alignment - off;
  const std::size_t after = *length - before - static_cast<std::size_t>(*whole);
  if (before != 0) (void)::munmap(first, before);
  if (after != 0) (void)::munmap(first + *length - after, after);
  // The mapping ends with the last page, so that no huge page begins that it could not fill.
  advise(first + before, static_cast<std::size_t>(*whole), pages);
  return first + before;
}

void unmap_memory(std::byte* begin, std::size_t bytes) noexcept { (void)::munmap(begin, bytes); }

void discard_memory(std::byte* begin, std::size_t bytes) noexcept {
#ifdef __linux__
  (void)::madvise(begin, bytes, MADV_DONTNEED);
#else
  // The advice of that name frees nothing elsewhere; a new mapping does.
  (void)::mmap(begin, bytes, PROT_NONE, anonymous | MAP_FIXED, -1, 0);
#endif
}

bool lend_memory(std::byte* begin, std::size_t bytes) noexcept {
#ifdef MADV_FREE
  return ::madvise(begin, bytes, MADV_FREE) == 0;
#else
  (void)begin, (void)bytes;
  return false;
#endif
}

}  // namespace tensorhold::os
