#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "os/fault/copy_linux.hpp"
#include "os/fault/fault_copy_linux.hpp"
#include "os/fault/guard.hpp"
#include "os/file/filesystem.hpp"
#include "os/release/locked_linux.hpp"
#include "os/release/release.hpp"
#include "os/release/staging_linux.hpp"
#include "os/release/write_gate_linux.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

// What a reader waits for at most: the exchange of one chunk.
constexpr std::size_t chunk_bytes = std::size_t{64} << 20;
// What is copied at once by loads, or by the system where some of it is not there.
constexpr std::size_t piece_bytes = huge_page;
// What a writer waits for at most: the copy of one window.
constexpr std::size_t window_bytes = huge_page;

[[noreturn]] void raise_refused(int error) {
  if (error == EPERM)
    throw Error({.code = Code::release_refused,
                 .reason = "the system does not let the mapping be changed (it is sealed)",
                 .advice = "Copy the tensors and drop the originals.",
                 .os_error = error});
  throw Error({.code = Code::out_of_memory,
               .reason = "the system refused to exchange pages of the mapping",
               .advice = "Drop tensors, or raise the limits of memory and of mappings "
                         "(vm.max_map_count), then release again.",
               .os_error = error});
}

[[noreturn]] void raise_lost(std::uint64_t offset) {
  throw Error({.code = Code::truncated,
               .reason = "the file became shorter under its mapping",
               .advice = "Drop the tensors whose bytes are gone, then release again.",
               .offset = offset});
}

[[noreturn]] void raise_unreadable(std::uint64_t offset, int error) {
  throw Error({.code = Code::io_error,
               .reason = "the system cannot read the file under its mapping",
               .advice = "See whether its disk or network is there, then release again.",
               .offset = offset,
               .os_error = error});
}

Part intersect(Part a, Part b) noexcept {
  const std::size_t begin = std::max(a.begin, b.begin);
  return {begin, std::max(begin, std::min(a.end, b.end))};
}

/// `live` as whole pages, merged, as far as it lies within `within`.
std::vector<Part> pages_of(std::span<const Part> live, Part within) {
  std::vector<Part> pages;
  for (const Part& part : live) {
    const Part clipped = intersect(part, within);
    if (clipped.begin == clipped.end) continue;
    const Part whole = intersect(to_pages(clipped), within);
    if (!pages.empty() && whole.begin <= pages.back().end)
      pages.back().end = std::max(pages.back().end, whole.end);
    else
      pages.push_back(whole);
  }
  return pages;
}

}  // namespace

struct Release::State {
  State(const Mapping& mapping, std::span<const Part> live, const ReleaseOptions& options)
      : base(mapping.data()),
        length(mapping.size()),
        all(to_pages({0, mapping.size()})),
        writable(options.protection == Protection::private_writable),
        mirror(base, all.end, chunk_bytes, live),
        locked(locked_parts(base, all.end)),
        size(options.size) {
    if (options.file != nullptr && reads_what_mappings_show(*options.file)) shown = options.file;
    // A private page may differ from the file's, and is then what counts.
    if (!writable && !options.resumed) file = shown;
    if (writable)
      gate.emplace(base, all.end);
    else
      loads.emplace();
  }

  void copy(Part pages, std::byte* to) const;
  void copy_by_system(std::size_t from, std::span<std::byte> to) const;
  [[nodiscard]] std::size_t copy_unshown(std::size_t from, std::span<std::byte> to) const;
  void refuse_lost(std::span<const Part> live, Part within) const;
  void exchange_piece(Part piece, Mirror::Staging& staging, std::byte* from);
  void exchange_window(Part window, std::span<const Part> live, Mirror::Staging& staging,
                       std::byte* from);

  std::byte* base;
  std::size_t length;  // of the mapping, which may end within a page
  Part all;
  bool writable;
  Mirror mirror;
  std::vector<Part> locked;  // by others, and locked again: the swap takes that away
  std::function<std::optional<std::uint64_t>()> size;
  const File* shown = nullptr;     // the file, where its reads give what the mapping shows
  const File* file = nullptr;      // the same, where it is read first
  std::optional<WriteGate> gate;   // of a writable mapping
  std::optional<FaultCopy> loads;  // of a read-only one
  std::atomic<bool> touched = false;
};

// Copies pages into `to`; what lies behind the mapping's last byte belongs to no tensor.
void Release::State::copy(Part pages, std::byte* to) const {
  const std::size_t want = std::min(pages.end, length) - pages.begin;
  // What was used is there already, and loads are faster than the system's own copies. In pieces,
  // because some of it may not be.
  std::size_t piece = 0;
  for (std::size_t done = 0; done < want; done += piece) {
    piece = std::min(piece_bytes, want - done);
    const std::size_t from = pages.begin + done;
    if (!loads || !loads->copy(base + from, {to + done, piece}))
      copy_by_system(from, {to + done, piece});
  }
}

void Release::State::copy_by_system(std::size_t from, std::span<std::byte> to) const {
  const std::size_t want = to.size();
  std::size_t done = 0;
  while (file != nullptr && done < want) {
    const ssize_t got = ::pread(static_cast<int>(file->native()), to.data() + done, want - done,
                                static_cast<off_t>(from + done));
    if (got > 0)
      done += static_cast<std::size_t>(got);
    else if (got == 0 || errno != EINTR)
      break;  // the mapping may still have it
  }
  while (done < want) {
    done += copy_by_call(base + from + done, to.subspan(done));
    if (done < want) done += copy_unshown(from + done, to.subspan(done));
  }
}

// Of one page that faults, which nobody has written to then: a full tmpfs shows no page of a hole,
// and a read has its bytes.
std::size_t Release::State::copy_unshown(std::size_t from, std::span<std::byte> to) const {
  const std::optional<std::uint64_t> has = size ? size() : std::nullopt;
  if (!has || *has <= from) raise_lost(from);
  const std::size_t page = page_size() - from % page_size();
  const std::size_t want =
      static_cast<std::size_t>(std::min<std::uint64_t>(std::min(page, to.size()), *has - from));
  if (shown == nullptr) raise_unreadable(from, 0);
  ssize_t got = 0;
  do {
    got = ::pread(static_cast<int>(shown->native()), to.data(), want, static_cast<off_t>(from));
  } while (got < 0 && errno == EINTR);
  if (got < 0) raise_unreadable(from, errno);
  if (got == 0) raise_lost(from);
  // What lies behind the file's last byte in its last page is nobody's.
  return static_cast<std::uint64_t>(got) == *has - from ? std::min(page, to.size())
                                                        : static_cast<std::size_t>(got);
}

// Asked after the copy: what the file lost of its last page was copied as zeros.
void Release::State::refuse_lost(std::span<const Part> live, Part within) const {
  const std::optional<std::uint64_t> has = size ? size() : std::nullopt;
  if (!has) return;
  for (const Part& part : live) {
    const Part taken = intersect(part, within);
    if (taken.begin != taken.end && taken.end > *has)
      raise_lost(std::max<std::uint64_t>(*has, taken.begin));
  }
}

// In a GuardPause: a handler that decided before would put zeros over what is exchanged here.
void Release::State::exchange_piece(Part piece, Mirror::Staging& staging, std::byte* from) {
  const std::size_t bytes = piece.end - piece.begin;
  if (::mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, base + piece.begin) == MAP_FAILED)
    raise_refused(errno);
  touched.store(true, std::memory_order_relaxed);
  staging.moved(bytes);
  // After the swap: before it, both memories would count against the limit of locked memory.
  for (const Part& part : locked) lock_again(base, intersect(part, piece));
}

void Release::State::exchange_window(Part window, std::span<const Part> live,
                                     Mirror::Staging& staging, std::byte* from) {
  const std::vector<Part> pages = pages_of(live, window);
  if (pages.empty()) {
    const GuardPause pause;
    return exchange_piece(window, staging, from);
  }
  const auto copy_all = [&] {
    for (const Part& part : pages) copy(part, from + (part.begin - window.begin));
  };
  copy_all();  // brings the staging's pages in, so that the copy that counts is short
  std::byte* const begin = base + window.begin;
  const std::size_t bytes = window.end - window.begin;
  const WriteGate::Closed closed(*gate, begin, bytes);
  // A guard would put pages there that can be written.
  const GuardPause pause;
  if (::mprotect(begin, bytes, PROT_READ) != 0) raise_refused(errno);
  try {
    copy_all();
    refuse_lost(live, window);
    exchange_piece(window, staging, from);
  } catch (...) {
    (void)::mprotect(begin, bytes, PROT_READ | PROT_WRITE);
    throw;
  }
}

Release::Release(const Mapping& mapping, std::span<const Part> live, const ReleaseOptions& options)
    : state_(std::make_unique<State>(mapping, live, options)) {}

Release::~Release() = default;

std::size_t Release::chunks() const noexcept {
  return (state_->all.end + chunk_bytes - 1) / chunk_bytes;
}

Part Release::chunk(std::size_t number) const noexcept {
  return {number * chunk_bytes, std::min((number + 1) * chunk_bytes, state_->all.end)};
}

std::size_t Release::exchange(std::size_t number, std::span<const Part> live) {
  State& state = *state_;
  const Part whole = chunk(number);
  Mirror::Staging staging = state.mirror.staging(whole);
  const auto at = [&](std::size_t offset) { return staging.begin() + (offset - whole.begin); };
  const std::vector<Part> pages = pages_of(live, whole);
  if (state.writable) {
    for (std::size_t begin = whole.begin; begin < whole.end; begin += window_bytes) {
      const Part window{begin, std::min(begin + window_bytes, whole.end)};
      state.exchange_window(window, live, staging, at(begin));
    }
  } else {
    for (const Part& part : pages) state.copy(part, at(part.begin));
    state.refuse_lost(live, whole);
    if (::mprotect(staging.begin(), whole.end - whole.begin, PROT_READ) != 0) raise_refused(errno);
    // The system moves one mapping at a time, and huge pages make several of the staging.
    for (const Part& piece : state.mirror.pieces(whole)) {
      const GuardPause pause;
      state.exchange_piece(piece, staging, at(piece.begin));
    }
  }
  return count_pages(pages);
}

bool Release::touched() const noexcept { return state_->touched.load(std::memory_order_relaxed); }

void Release::discard(std::byte* pages, std::size_t bytes) noexcept {
  (void)::madvise(pages, bytes, MADV_DONTNEED);
}

// To make one of its pages cold, the system has to split a huge page of which others were
// discarded, and then frees these. Until then they are charged, though nobody has them.
void Release::split_huge_page(std::byte* page) noexcept {
#ifdef MADV_COLD
  (void)::madvise(page, page_size(), MADV_COLD);
#else
  (void)page;
#endif
}

}  // namespace tensorhold::os
