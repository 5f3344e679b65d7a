// What the system says of this process' memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

namespace tensorhold::test {

/// Mappings of the file at `path`, whether the name still stands or not.
inline std::size_t mappings_of(const std::string& path) {
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);)
    if (line.find(path) != std::string::npos) ++count;
  return count;
}

/// Descriptors of the file at `path`.
inline std::size_t descriptors_of(const std::string& path) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry, gone).string().starts_with(path)) ++count;
  }
  return count;
}

/// Of the address range: how many mappings it consists of, and the bytes of private memory in it.
struct RangeUse {
  std::size_t mappings = 0;
  std::uint64_t anonymous_bytes = 0;
};

inline RangeUse use_of(const void* address, std::size_t bytes) {
  const auto first = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream smaps("/proc/self/smaps");
  RangeUse use;
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    std::istringstream head(line);
    if (head >> std::hex >> begin >> dash >> end && dash == '-') {
      inside = begin < first + bytes && end > first;
      use.mappings += inside ? 1 : 0;
    } else if (inside && line.starts_with("Anonymous:")) {
      use.anonymous_bytes += std::stoull(line.substr(10)) * 1024;
    }
  }
  return use;
}

}  // namespace tensorhold::test
