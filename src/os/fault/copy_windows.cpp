#include "os/fault/copy_windows.hpp"

#include <algorithm>

#include "os/error/api_windows.hpp"
#include "os/fault/copy.hpp"
#include "os/fault/gap_windows.hpp"
#include "os/file/mapping.hpp"

namespace tensorhold::os {
namespace windows {

// The kernel copies and catches the in-page error; it reports how far it came.
std::size_t copy_present(const std::byte* from, std::span<std::byte> to) noexcept {
  SIZE_T done = 0;
  if (to.empty()) return 0;
  return ReadProcessMemory(GetCurrentProcess(), from, to.data(), to.size(), &done) != 0 ? to.size()
                                                                                        : done;
}

}  // namespace windows

namespace {

// Whoever copies while no gap may open keeps a release waiting.
constexpr std::size_t most_without_gap = std::size_t{64} << 10;

}  // namespace

std::size_t copy_readable(const std::byte* from, std::span<std::byte> to) noexcept {
  std::size_t done = 0;
  while (done < to.size()) {
    done += windows::copy_present(from + done, to.subspan(done));
    if (done == to.size()) break;
    // A release may have had the view exchanged at that moment: without a gap it is there again.
    const windows::NoGap lock;
    const std::span<std::byte> rest = to.subspan(done);
    std::size_t copied = 0;
    for (const std::size_t some : {most_without_gap, page_size()})
      if (copied == 0)
        copied = windows::copy_present(from + done, rest.first(std::min(some, rest.size())));
    if (copied == 0) break;
    done += copied;
  }
  return done;
}

// A call of the system for each run is too many, and loads are not caught here.
bool copy_readable_runs(const std::byte*, const base::Runs&, std::byte*) noexcept { return false; }

bool copies_survive() noexcept { return true; }

}  // namespace tensorhold::os
