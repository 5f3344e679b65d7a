#include "save/save_layout.hpp"

#include "base/checked.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::io {

std::uint64_t file_bytes(const format::Layout& layout, const std::string& path) {
  const auto total = base::checked_add(layout.prefix.size(), layout.data_bytes);
  if (!total)
    throw Error({.code = Code::shape_overflow,
                 .reason = "the file would be longer than 64 bits can count",
                 .advice = "Split the tensors over several files.",
                 .path = path});
  return *total;
}

}  // namespace tensorhold::io
