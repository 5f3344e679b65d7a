#include "tensorhold/save.hpp"

#include <algorithm>
#include <string>

#include "base/boundary.hpp"
#include "base/checked.hpp"
#include "base/endian.hpp"
#include "format/write/layout.hpp"
#include "hold/source/lost_bytes.hpp"
#include "save/new_file.hpp"
#include "save/save_layout.hpp"

namespace tensorhold {
inline namespace v0 {
namespace {

constexpr const char* doing = "saving tensors";

format::Layout lay_out(std::span<const SaveTensor> tensors, const std::optional<Metadata>& metadata,
                       const SaveOptions& options, const std::string& path) {
  std::vector<format::TensorSpec> specs;
  specs.reserve(tensors.size());
  for (const SaveTensor& tensor : tensors)
    specs.push_back({.name = tensor.name,
                     .dtype = tensor.dtype,
                     .shape = tensor.shape,
                     .nbytes = tensor.bytes.size()});
  return format::make_layout(
      specs, metadata ? &*metadata : nullptr,
      {.align = options.align, .reserve_header = options.reserve_header, .path = path});
}

/// `error` with the name of the tensor whose memory could not be read.
Error name_tensor(const Error& error, const format::Layout& layout,
                  std::span<const SaveTensor> tensors) {
  if (error.code() != Code::truncated || !error.offset() || *error.offset() < layout.prefix.size())
    return error;
  const std::uint64_t at = *error.offset() - layout.prefix.size();
  const auto found = std::ranges::partition_point(layout.order, [at](const format::Placed& placed) {
    return placed.begin + placed.nbytes <= at;
  });
  if (found == layout.order.end()) return error;
  ErrorInfo info = error.info();
  info.tensor = tensors[found->index].name;
  return Error(std::move(info));
}

std::vector<io::Piece> pieces_of(const format::Layout& layout,
                                 std::span<const SaveTensor> tensors) {
  std::vector<io::Piece> pieces;
  pieces.reserve(layout.order.size() + 1);
  pieces.push_back({.at = 0, .bytes = std::as_bytes(std::span(layout.prefix))});
  for (const format::Placed& placed : layout.order)
    pieces.push_back({.at = layout.prefix.size() + placed.begin,
                      .bytes = tensors[placed.index].bytes,
                      .dtype = tensors[placed.index].dtype});
  return pieces;
}

void save_file(const Path& path, std::span<const SaveTensor> tensors,
               const std::optional<Metadata>& metadata, const SaveOptions& options) {
  const format::Layout layout = lay_out(tensors, metadata, options, path.string());
  io::NewFile file(path.string(), io::file_bytes(layout, path.string()), options);
  try {
    file.write(pieces_of(layout, tensors));
  } catch (const Error& error) {
    throw name_tensor(error, layout, tensors);
  }
  hold::LostBytes lost;
  for (const SaveTensor& tensor : tensors) lost.refuse(tensor.bytes, path.string(), tensor.name);
  file.put_in_place();
}

std::vector<std::byte> save_memory(std::span<const SaveTensor> tensors,
                                   const std::optional<Metadata>& metadata,
                                   const SaveOptions& options) {
  const format::Layout layout = lay_out(tensors, metadata, options, {});
  const auto size = base::checked_size(io::file_bytes(layout, {}));
  if (!size) throw base::out_of_memory_error(doing);
  std::vector<std::byte> out(*size);
  const auto data = std::span(out).subspan(layout.prefix.size());
  std::ranges::copy(std::as_bytes(std::span(layout.prefix)), out.begin());
  for (const format::Placed& placed : layout.order) {
    const SaveTensor& tensor = tensors[placed.index];
    const auto to = data.subspan(static_cast<std::size_t>(placed.begin), tensor.bytes.size());
    if (hold::take(tensor.bytes.data(), to) != to.size())
      throw Error({.code = Code::truncated,
                   .reason = "the bytes cannot be read: the file that they are mapped from became "
                             "shorter",
                   .advice = "Load the tensors again from a whole file, then save.",
                   .tensor = std::string(tensor.name)});
    if (!base::same_order(tensor.dtype)) base::swap_elements(tensor.dtype, to);
  }
  hold::LostBytes lost;
  for (const SaveTensor& tensor : tensors) lost.refuse(tensor.bytes, {}, tensor.name);
  return out;
}

}  // namespace

void save(const Path& path, std::span<const SaveTensor> tensors,
          const std::optional<Metadata>& metadata, const SaveOptions& options) {
  base::raising(doing, [&] { save_file(path, tensors, metadata, options); });
}

Result<void> try_save(const Path& path, std::span<const SaveTensor> tensors,
                      const std::optional<Metadata>& metadata,
                      const SaveOptions& options) noexcept {
  return base::guarded(doing, [&] { save_file(path, tensors, metadata, options); });
}

std::vector<std::byte> save_bytes(std::span<const SaveTensor> tensors,
                                  const std::optional<Metadata>& metadata,
                                  const SaveOptions& options) {
  return base::raising(doing, [&] { return save_memory(tensors, metadata, options); });
}

}  // namespace v0
}  // namespace tensorhold
