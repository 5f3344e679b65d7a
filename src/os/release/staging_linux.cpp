#include "os/release/staging_linux.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

// Every run of huge pages is a mapping of its own, of which a process has some ten thousand.
constexpr std::size_t most_huge_runs = 32;

std::size_t remainder(const std::byte* address) noexcept {
  return reinterpret_cast<std::uintptr_t>(address) % huge_page;
}

/// The longest runs of blocks of 2 MiB that are alive as a whole: a huge page pays for all of it.
std::vector<Part> huge_runs(std::span<const Part> live) {
  std::vector<Part> runs;
  for (const Part& part : live) {
    const Part pages = to_pages(part);
    const std::size_t begin = (pages.begin + huge_page - 1) / huge_page * huge_page;
    const std::size_t end = pages.end / huge_page * huge_page;
    if (!runs.empty() && begin <= runs.back().end)
      runs.back().end = std::max(runs.back().end, end);
    else if (begin < end)
      runs.push_back({begin, end});
  }
  if (runs.size() > most_huge_runs) {
    std::ranges::nth_element(runs, runs.begin() + most_huge_runs, std::ranges::greater{},
                             [](const Part& part) { return part.end - part.begin; });
    runs.resize(most_huge_runs);
    std::ranges::sort(runs, {}, &Part::begin);
  }
  return runs;
}

// A wish: without it the memory comes in small pages, which takes twice the time.
void want_huge_pages(std::byte* begin, std::size_t bytes) noexcept {
  (void)::madvise(begin, bytes, MADV_HUGEPAGE);
}

}  // namespace

Mirror::Mirror(const std::byte* base, std::size_t bytes, std::size_t chunk_bytes,
               std::span<const Part> live)
    : base_(base), chunk_bytes_(chunk_bytes), left_((bytes + chunk_bytes - 1) / chunk_bytes) {
  if (remainder(base) == 0) huge_ = huge_runs(live);
  std::byte* const begin = reserve(bytes);
  whole_ = begin != nullptr;
  if (!whole_) return;
  for (std::size_t i = 0; i < left_.size(); ++i)
    left_[i] = {begin + i * chunk_bytes, begin + std::min((i + 1) * chunk_bytes, bytes)};
  // Ties all of it to one owner before it is cut, without which its parts would not be joined.
  *static_cast<volatile std::byte*>(begin) = std::byte{0};
  (void)::madvise(begin, 1, MADV_DONTNEED);
  for (const Part& run : huge_) want_huge_pages(begin + run.begin, run.end - run.begin);
}

Mirror::~Mirror() {
  for (const Left& left : left_)
    if (left.begin != left.end)
      (void)::munmap(left.begin, static_cast<std::size_t>(left.end - left.begin));
}

// At the same place between multiples of 2 MiB as the mapping, so that huge pages move as a whole.
std::byte* Mirror::reserve(std::size_t bytes) const noexcept {
  void* const room = ::mmap(nullptr, bytes + huge_page, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) return nullptr;
  auto* const start = static_cast<std::byte*>(room);
  const std::size_t head = (huge_page + remainder(base_) - remainder(start)) % huge_page;
  if (head != 0) (void)::munmap(start, head);
  (void)::munmap(start + head + bytes, huge_page - head);
  return start + head;
}

Mirror::Staging Mirror::staging(Part chunk) {
  Left& left = left_[chunk.begin / chunk_bytes_];
  if (whole_) return {*this, left};
  const std::size_t bytes = chunk.end - chunk.begin;
  std::byte* const begin = reserve(bytes);
  if (begin == nullptr)
    throw Error({.code = Code::out_of_memory,
                 .reason = "the system refused address space for a release",
                 .advice = "Raise the limit of address space (ulimit -v) or of committed memory "
                           "(vm.overcommit_memory), or drop tensors, then release again.",
                 .os_error = errno});
  left = {begin, begin + bytes};
  for (const Part& run : huge_) {
    const Part part{std::max(run.begin, chunk.begin), std::min(run.end, chunk.end)};
    if (part.begin < part.end)
      want_huge_pages(begin + (part.begin - chunk.begin), part.end - part.begin);
  }
  return {*this, left};
}

Mirror::Staging::~Staging() {
  if (left_.begin == left_.end) return;
  const auto bytes = static_cast<std::size_t>(left_.end - left_.begin);
  if (mirror_.whole_) {
    (void)::madvise(left_.begin, bytes, MADV_DONTNEED);
    return;
  }
  (void)::munmap(left_.begin, bytes);
  left_ = {};
}

std::vector<Part> Mirror::pieces(Part chunk) const {
  std::vector<Part> pieces;
  std::size_t at = chunk.begin;
  const auto cut = [&](std::size_t end) {
    end = std::min(end, chunk.end);
    if (end <= at) return;
    pieces.push_back({at, end});
    at = end;
  };
  for (const Part& run : huge_) {
    cut(run.begin);
    cut(run.end);
  }
  cut(chunk.end);
  return pieces;
}

}  // namespace tensorhold::os
