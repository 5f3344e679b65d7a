#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <limits>

#include "base/checked.hpp"
#include "os/error/error_posix.hpp"
#include "os/file/file.hpp"
#include "os/file/mapping.hpp"

namespace tensorhold::os {
namespace {

constexpr std::uint64_t huge_page = std::uint64_t{2} << 20;

#ifdef MAP_NORESERVE
constexpr int no_reserve = MAP_NORESERVE;
#else
constexpr int no_reserve = 0;
#endif

struct Way {
  int protection;
  int flags;
};

Way way_of(Protection protection) noexcept {
  // Private for reading too: FUSE with direct_io refuses shared mappings only. Without the
  // reservation a writable one would be charged as commit in full, although few pages are written.
  if (protection == Protection::read_only) return {PROT_READ, MAP_PRIVATE};
  return {PROT_READ | PROT_WRITE, MAP_PRIVATE | no_reserve};
}

[[noreturn]] void raise_map(int error, const std::string& path) {
  switch (error) {
    case ENODEV:
    case EACCES:
    case EPERM:
    case EINVAL:
    case ENOSYS:
    case EOPNOTSUPP:
#if ENOTSUP != EOPNOTSUPP
    case ENOTSUP:
#endif
      throw Error({.code = Code::cannot_map,
                   .reason = "the filesystem does not map this file",
                   .advice = "Open it with owned access, which reads it into memory.",
                   .path = path,
                   .os_error = error});
    case EAGAIN:
    case ENOMEM:
      throw Error({.code = Code::out_of_memory,
                   .reason = "the system refused address space for a mapping of the file",
                   .advice = "Raise the limit of address space (ulimit -v) or of mappings "
                             "(vm.max_map_count), or drop tensors that are no longer needed.",
                   .path = path,
                   .os_error = error});
    default:
      raise_system(error, "map the file", path);
  }
}

bool huge_aligned(const void* address) noexcept {
  return reinterpret_cast<std::uintptr_t>(address) % huge_page == 0;
}

// Maps again, inside a larger reservation, so that the address is a multiple of 2 MiB. `pages` is
// the length in whole pages. Called once the file is known to map.
void* map_aligned(int descriptor, std::size_t length, std::size_t pages, Way way,
                  const std::string& path) {
  const auto room = base::checked_size(pages + huge_page);
  if (!room || *room < pages) raise_map(ENOMEM, path);
  void* const reserved =
      ::mmap(nullptr, *room, PROT_NONE, MAP_PRIVATE | MAP_ANON | no_reserve, -1, 0);
  if (reserved == MAP_FAILED) raise_map(errno, path);
  auto* const begin = static_cast<std::byte*>(reserved);
  const std::size_t head = static_cast<std::size_t>(
      (huge_page - reinterpret_cast<std::uintptr_t>(begin) % huge_page) % huge_page);
  const std::size_t tail = *room - pages - head;
  void* const mapped =
      ::mmap(begin + head, length, way.protection, way.flags | MAP_FIXED, descriptor, 0);
  const int error = errno;
  if (head != 0) (void)::munmap(begin, head);
  if (tail != 0) (void)::munmap(begin + head + pages, tail);
  // After a refusal the middle may be a hole already, which another thread may have filled: to
  // unmap it could take that thread's memory. Some unused address space is the smaller loss.
  if (mapped == MAP_FAILED) raise_map(error, path);
  return mapped;
}

}  // namespace

const bool mapping_blocks_others = false;
const bool mapped_files_shrink = true;

std::size_t page_size() noexcept {
  // No static that is guarded while it is made: signal handlers ask, and children of a fork.
  static constinit std::atomic<std::size_t> known = 0;
  std::size_t size = known.load(std::memory_order_relaxed);
  if (size != 0) return size;
  size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  known.store(size, std::memory_order_relaxed);
  return size;
}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    unmap();
    base_ = std::exchange(other.base_, nullptr);
    length_ = std::exchange(other.length_, 0);
  }
  return *this;
}

Mapping::~Mapping() { unmap(); }

void Mapping::unmap() noexcept {
  if (base_ == nullptr) return;
  (void)::munmap(base_, length_);
  base_ = nullptr;
  length_ = 0;
}

Mapping Mapping::map(const File& file, std::uint64_t length, Protection protection) {
  const auto descriptor = static_cast<int>(file.native());
  const auto padded = base::checked_align_up(length, page_size());
  const auto pages = padded ? base::checked_size(*padded) : std::nullopt;
  if (!pages || *pages > std::numeric_limits<std::size_t>::max() / 2)
    throw Error({.code = Code::out_of_memory,
                 .reason = "the file is larger than the address space",
                 .advice = "Use a 64-bit build.",
                 .path = file.path()});
  const auto wanted = static_cast<std::size_t>(length);
  const Way way = way_of(protection);
  void* mapped = ::mmap(nullptr, wanted, way.protection, way.flags, descriptor, 0);
  if (mapped == MAP_FAILED) raise_map(errno, file.path());
  if (length >= huge_page && !huge_aligned(mapped)) {
    (void)::munmap(mapped, wanted);
    mapped = map_aligned(descriptor, wanted, *pages, way, file.path());
  }
#ifdef MADV_HUGEPAGE
  // Mapped by 2 MiB entries a range is exchanged about ten times faster in a release. A wish only:
  // most filesystems have no huge pages.
  if (length >= huge_page && protection == Protection::read_only)
    (void)::madvise(mapped, wanted, MADV_HUGEPAGE);
#endif
  Mapping mapping;
  mapping.base_ = static_cast<std::byte*>(mapped);
  mapping.length_ = wanted;
  return mapping;
}

}  // namespace tensorhold::os
