// What fuzz targets have in common.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "format/header/header.hpp"

namespace tensorhold::fuzz {

/// Ends the run, as libFuzzer expects of a finding.
inline void check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

inline bool equal(const format::Header& a, const format::Header& b) {
  if (a.size() != b.size() || a.has_metadata() != b.has_metadata() ||
      a.data_bytes() != b.data_bytes() || !std::ranges::equal(a.metadata(), b.metadata()))
    return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a.name(i) != b.name(i) || a.dtype(i) != b.dtype(i) || a.begin(i) != b.begin(i) ||
        a.end(i) != b.end(i) || !std::ranges::equal(a.shape(i), b.shape(i)))
      return false;
  return true;
}

/// What must hold for any header that was accepted.
inline void check_sound(const format::Header& header) {
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < header.size(); ++i) {
    check(header.begin(i) == at && header.end(i) >= at, "tensors tile the buffer");
    at = header.end(i);
    check(header.find(header.name(i)) == i, "each name is found");
  }
  check(header.data_bytes() == at, "the last tensor ends the data");
}

}  // namespace tensorhold::fuzz
