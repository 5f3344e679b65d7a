#include "hold/mapped_block.hpp"

#include <algorithm>
#include <string>

#include "os/copy.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::hold {
namespace {

std::uint64_t end_of_tensors(const Catalog& catalog) {
  std::uint64_t end = 1;  // a mapping of nothing does not exist; every file has at least 8 bytes
  for (std::size_t i = 0; i < catalog.size(); ++i)
    end = std::max(end, catalog.offset(i) + catalog.nbytes(i));
  return end;
}

}  // namespace

MappedBlock::MappedBlock(std::shared_ptr<const Catalog> catalog, std::shared_ptr<Source> source,
                         const os::File& handle, os::Protection protection)
    : Block(std::move(catalog)),
      source_(std::move(source)),
      protection_(protection),
      mapping_(os::Mapping::map(handle, end_of_tensors(this->catalog()), protection)) {}

const std::byte* MappedBlock::data(std::uint32_t index) {
  return mapping_.data() + catalog().offset(index);
}

void MappedBlock::read(std::uint32_t index, std::uint64_t from, std::span<std::byte> out) {
  const std::size_t copied = os::copy_readable(data(index) + from, out);
  if (copied == out.size()) return;
  throw Error(
      {.code = Code::truncated,
       .reason = "the file became shorter, or unreadable, under its mapping",
       .advice =
           "Load the file again; ask its writer to replace it instead of changing it in place.",
       .path = source_->path(),
       .tensor = std::string(catalog().name(index)),
       .offset = catalog().offset(index) + from + copied});
}

}  // namespace tensorhold::hold
