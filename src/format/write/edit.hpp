// A header with other metadata.
#pragma once

#include <string>

#include "format/header/header.hpp"
#include "format/write/layout.hpp"

namespace tensorhold::format {

/// `base` with the keys of `remove` taken out and those of `set` put in; keys keep their order, new
/// ones come last. Raises invalid_utf8, duplicate_name (a key twice in `set`). `path`: for
/// messages.
[[nodiscard]] MetadataPairs edit_metadata(const Header& base, const MetadataPairs& set,
                                          const std::vector<std::string>& remove,
                                          const std::string& path);

/// The text of a header with the tensors of `base`, in offset order, and this metadata (null:
/// none), without padding.
[[nodiscard]] std::string header_text(const Header& base, const MetadataPairs* metadata);

}  // namespace tensorhold::format
