// Which names somebody may have meant.
#pragma once

#include <string_view>
#include <vector>

#include "format/header/header.hpp"

namespace tensorhold::io {

/// Up to three names of the header that are closest to `name`, the closest first; none when nothing
/// is close. Looks at a bounded number of names, so that an error is never slow.
[[nodiscard]] std::vector<std::string_view> closest_names(const format::Header& header,
                                                          std::string_view name);

}  // namespace tensorhold::io
