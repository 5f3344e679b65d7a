#include "os/release/exchange_windows.hpp"

#include <algorithm>

#include "os/fault/copy_windows.hpp"
#include "os/fault/gap_windows.hpp"
#include "os/file/mapping.hpp"

namespace tensorhold::os::windows {
namespace {

std::size_t round_up(std::size_t bytes, std::size_t page) noexcept {
  return (bytes + page - 1) / page * page;
}

// Memory that will take the place of a view: a section in the page file, of which only some pages
// exist, and a view of it to fill them through.
class Staging {
 public:
  // A page more than is needed, which costs nothing: Wine 10 commits no page that ends where the
  // view does.
  explicit Staging(std::size_t bytes) noexcept {
    const std::uint64_t size = std::uint64_t{bytes} + page_size();
    section_ = Handle(
        CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE | SEC_RESERVE,
                           static_cast<DWORD>(size >> 32), static_cast<DWORD>(size), nullptr));
    if (section_)
      view_ = static_cast<std::byte*>(
          MapViewOfFile(section_.get(), FILE_MAP_WRITE, 0, 0, static_cast<SIZE_T>(size)));
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() {
    if (view_ != nullptr) UnmapViewOfFile(view_);
  }

  [[nodiscard]] bool ready() const noexcept { return view_ != nullptr; }
  [[nodiscard]] HANDLE section() const noexcept { return section_.get(); }

  /// Takes commit for pages; out of it fails here, before anything is touched.
  [[nodiscard]] bool commit(Part pages) const noexcept {
    return VirtualAlloc(view_ + pages.begin, pages.end - pages.begin, MEM_COMMIT, PAGE_READWRITE) !=
           nullptr;
  }
  [[nodiscard]] bool fill(Part pages, const std::byte* from, std::size_t readable) const noexcept {
    const std::size_t bytes = std::min(pages.end, readable) - pages.begin;
    return copy_present(from + pages.begin, {view_ + pages.begin, bytes}) == bytes;
  }

 private:
  Handle section_;
  std::byte* view_ = nullptr;
};

std::vector<Part> pages_of(std::span<const Part> live, std::size_t page) {
  std::vector<Part> pages;
  for (const Part& part : live) {
    if (part.begin == part.end) continue;
    const Part rounded{part.begin / page * page, round_up(part.end, page)};
    if (!pages.empty() && rounded.begin <= pages.back().end)
      pages.back().end = std::max(pages.back().end, rounded.end);
    else
      pages.push_back(rounded);
  }
  return pages;
}

bool fill_all(const Staging& staging, std::span<const Part> pages, const std::byte* view,
              std::size_t readable) noexcept {
  return std::all_of(pages.begin(), pages.end(),
                     [&](const Part& part) { return staging.fill(part, view, readable); });
}

// To be called in a gap.
DWORD swap(const PlaceholderCalls& calls, std::byte* view, HANDLE section, std::size_t bytes,
           DWORD protection) noexcept {
  if (!unmap_to_placeholder(calls, view)) return GetLastError();
  // The pages exist and the addresses are ours: only kernel memory for the view itself can lack,
  // for a moment. Nothing but going on would be right, since the bytes have no other place.
  for (DWORD wait = 0; !map_into_placeholder(calls, section, view, 0, bytes, protection);
       wait = std::min<DWORD>(wait + 1, 100))
    Sleep(wait);
  return NO_ERROR;
}

// Two pages of our own, to learn whether this system really does it before anything depends on it.
bool try_exchange(const PlaceholderCalls& calls) {
  const std::size_t page = page_size();
  std::byte* const base = reserve_placeholders(calls, 2 * page, 2 * page);
  if (base == nullptr) return false;
  const Part all{0, 2 * page};
  const Part second{page, 2 * page};
  const Staging before(2 * page);
  const Staging after(2 * page);
  const bool done =
      before.ready() && before.commit(all) && after.ready() && after.commit(second) &&
      map_into_placeholder(calls, before.section(), base, 0, 2 * page, PAGE_READONLY) &&
      unmap_to_placeholder(calls, base) &&
      map_into_placeholder(calls, after.section(), base, 0, 2 * page, PAGE_READONLY);
  free_mapping(base, 2 * page);
  return done;
}

}  // namespace

std::vector<Part> exchangeable_views(std::byte* base, std::size_t bytes, bool writable) {
  static const bool works = placeholder_calls() != nullptr && try_exchange(*placeholder_calls());
  if (!works) return {};
  const std::size_t piece = view_bytes(writable);
  std::vector<Part> views;
  for (std::size_t at = 0; at < bytes; at += piece) {
    const Part view{at, std::min(at + piece, bytes)};
    if (piece_of(base + view.begin) != base + view.begin ||
        piece_of(base + view.end - 1) != base + view.begin)
      return {};
    views.push_back(view);
  }
  return views;
}

DWORD exchange_view(const PlaceholderCalls& calls, std::byte* view, std::size_t readable,
                    std::span<const Part> live, bool writable) {
  const std::size_t page = page_size();
  const std::size_t bytes = round_up(readable, page);
  const std::vector<Part> pages = pages_of(live, page);
  if (pages.empty()) {
    const Gap gap;
    return unmap_to_placeholder(calls, view) ? NO_ERROR : GetLastError();
  }
  const Staging staging(bytes);
  if (!staging.ready()) return GetLastError();
  for (const Part& part : pages)
    if (!staging.commit(part)) return GetLastError();

  if (!writable) {
    if (!fill_all(staging, pages, view, readable)) return ERROR_PARTIAL_COPY;
    const Gap gap;
    return swap(calls, view, staging.section(), bytes, PAGE_READONLY);
  }
  // Writers fault and wait from here on, so what is copied is what they left.
  const Gap gap;
  DWORD before = 0;
  if (VirtualProtect(view, bytes, PAGE_READONLY, &before) == 0) return GetLastError();
  DWORD error = fill_all(staging, pages, view, readable) ? NO_ERROR : ERROR_PARTIAL_COPY;
  if (error == NO_ERROR) error = swap(calls, view, staging.section(), bytes, PAGE_READWRITE);
  if (error != NO_ERROR) VirtualProtect(view, bytes, PAGE_WRITECOPY, &before);
  return error;
}

}  // namespace tensorhold::os::windows
