// What a process takes of memory at most. Linux.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

namespace bench {

/// What the process has taken at most since reset_peak_memory(), in bytes.
inline std::uint64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10) * 1024;
  return 0;
}

inline void reset_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace bench
