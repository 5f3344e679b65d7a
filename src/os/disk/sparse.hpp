// Files with holes. sparse_linux.cpp, or sparse_generic.cpp.
#pragma once

#include <cstdint>

#include "os/file/file.hpp"

namespace tensorhold::os {

/// A range of a file.
struct DataRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// The first range in [begin, end) that has room on the disk; what lies before it in [begin, end)
/// is a hole, which reads as zeros. Empty, at `end`: all of it is a hole. All of [begin, end) where
/// the filesystem does not tell. Moves the position of the handle.
[[nodiscard]] DataRange next_data(const File& file, std::uint64_t begin,
                                  std::uint64_t end) noexcept;

}  // namespace tensorhold::os
