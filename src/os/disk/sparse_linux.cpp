#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "os/disk/sparse.hpp"

namespace tensorhold::os {

DataRange next_data(const File& file, std::uint64_t begin, std::uint64_t end) noexcept {
  const DataRange all{begin, end};
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  if (begin >= end || end > most) return all;
  const auto descriptor = static_cast<int>(file.native());
  const off_t data = ::lseek(descriptor, static_cast<off_t>(begin), SEEK_DATA);
  // ENXIO: no data from here to the end of the file.
  if (data < 0) return errno == ENXIO ? DataRange{end, end} : all;
  const auto first = static_cast<std::uint64_t>(data);
  if (first >= end) return {end, end};
  const off_t hole = ::lseek(descriptor, data, SEEK_HOLE);
  return {first, hole < 0 ? end : std::min(static_cast<std::uint64_t>(hole), end)};
}

}  // namespace tensorhold::os
