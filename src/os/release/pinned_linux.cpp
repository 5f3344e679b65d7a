#include <fstream>
#include <string>

#include "os/release/release.hpp"

namespace tensorhold::os {

bool has_pinned_memory() noexcept {
  try {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmPin:")) return std::stoull(line.substr(6)) != 0;
  } catch (const std::exception&) {
    return false;  // not told: most systems pin nothing
  }
  return false;
}

}  // namespace tensorhold::os
