#include "os/copy.hpp"
#include "os/windows_api.hpp"

namespace tensorhold::os {

std::size_t copy_readable(const std::byte* from, std::span<std::byte> to) noexcept {
  // The kernel copies and catches the in-page error; it reports how far it came.
  SIZE_T done = 0;
  if (to.empty()) return 0;
  if (ReadProcessMemory(GetCurrentProcess(), from, to.data(), to.size(), &done) != 0)
    return to.size();
  return done;
}

// A call of the system for each run is too many, and loads are not caught here.
bool copy_readable_runs(const std::byte*, const base::Runs&, std::byte*) noexcept { return false; }

bool copies_survive() noexcept { return true; }

}  // namespace tensorhold::os
