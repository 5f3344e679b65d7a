#include "os/release/locked_linux.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <fstream>
#include <string>

#include "os/process/proc_linux.hpp"

namespace tensorhold::os {
namespace {

bool has_locked_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmLck:")) return std::stoull(line.substr(6)) != 0;
  return false;
}

}  // namespace

std::vector<Part> locked_parts(const std::byte* base, std::size_t bytes) noexcept {
  std::vector<Part> parts;
  try {
    if (!has_locked_memory()) return parts;
    const auto first = reinterpret_cast<std::uintptr_t>(base);
    std::ifstream smaps("/proc/self/smaps");
    MapsLine mapping;
    for (std::string line; std::getline(smaps, line);) {
      if (const auto head = parse_maps_line(line)) {
        mapping = *head;
        if (mapping.begin >= first + bytes) break;
      } else if (line.starts_with("VmFlags:") && line.find(" lo") != std::string::npos &&
                 mapping.end > first) {
        parts.push_back(
            {static_cast<std::size_t>(std::max<std::uint64_t>(mapping.begin, first) - first),
             static_cast<std::size_t>(std::min<std::uint64_t>(mapping.end, first + bytes) -
                                      first)});
      }
    }
  } catch (const std::exception&) {
    return parts;
  }
  return parts;
}

void lock_again(std::byte* base, Part part) noexcept {
  if (part.begin < part.end)
    (void)::mlock2(base + part.begin, part.end - part.begin, MLOCK_ONFAULT);
}

}  // namespace tensorhold::os
