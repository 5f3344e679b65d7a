// How long the loops of stress tests are.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace tensorhold::test {

/// `full` times TENSORHOLD_STRESS, a factor up to 1000, and at least 1. Full without it, so that
/// whoever runs a test by hand has the test that docs/guarantees.md tells of.
inline std::uint64_t stressed(std::uint64_t full) {
  const char* const said = std::getenv("TENSORHOLD_STRESS");
  if (said == nullptr) return full;
  char* end = nullptr;
  const double factor = std::strtod(said, &end);
  if (end == said || *end != '\0' || !(factor > 0) || factor > 1000) return full;
  const auto part = static_cast<std::uint64_t>(static_cast<double>(full) * factor);
  return part == 0 ? 1 : part;
}

}  // namespace tensorhold::test
