#include "os/release/release.hpp"

#include <algorithm>

namespace tensorhold::os {

Part to_pages(Part part) noexcept {
  const std::size_t page = page_size();
  return {part.begin / page * page, (part.end + page - 1) / page * page};
}

std::size_t count_pages(std::span<const Part> live) noexcept {
  std::size_t bytes = 0;
  std::size_t counted = 0;  // end of the pages that were counted
  for (const Part& part : live) {
    const Part pages = to_pages(part);
    const std::size_t begin = std::max(pages.begin, counted);
    if (part.begin == part.end || pages.end <= begin) continue;
    bytes += pages.end - begin;
    counted = pages.end;
  }
  return bytes;
}

}  // namespace tensorhold::os
