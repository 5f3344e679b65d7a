#include "tensorhold/file.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/boundary.hpp"
#include "file/file_impl.hpp"
#include "file/not_found.hpp"
#include "tensor/access.hpp"

namespace tensorhold {
inline namespace v0 {
namespace {

std::size_t position(const File::Impl& impl, std::string_view name) {
  const auto index = impl.catalog->header().find(name);
  if (!index) io::raise_not_found(impl, name);
  return *index;
}

bool was_released(const File::Impl& impl) noexcept { return impl.source && impl.source->ended(); }
bool was_closed(const File::Impl& impl) noexcept {
  return impl.closed.load(std::memory_order_acquire);
}

/// Closed, or released. A release that failed may have taken that back by now; who asked while it
/// ran is refused all the same.
[[noreturn]] void raise_ended(const File::Impl& impl, std::size_t index) {
  const bool by_close = was_closed(impl) && !was_released(impl);
  throw Error({.code = by_close ? Code::closed : Code::released,
               .reason = std::string("the file was ") + (by_close ? "closed" : "released") +
                         ", so no new tensor can be had from it",
               .advice = "Ask for the tensor before that, or open the file again.",
               .path = impl.path,
               .tensor = std::string(impl.catalog->name(index))});
}

Tensor acquire_from(const File::Impl& impl, hold::Block& block, std::size_t index) {
  const auto number = static_cast<std::uint32_t>(index);
  // The block knows nothing of a release before it has begun, nor of one of owned tensors.
  if (was_released(impl) || !block.acquire_tensor(number)) raise_ended(impl, index);
  return Tensor::Access::adopt(&block, number);
}

Tensor get(const File::Impl& impl, std::size_t index) {
  return base::raising("making a tensor", [&] { return impl.acquire(index); });
}

/// The block of writable views, mapped on first use.
hold::BlockRef writable_block(File::Impl& impl, std::size_t index) {
  {
    const std::lock_guard lock(impl.writable_mutex);
    if (impl.writable_block) return impl.writable_block;
  }
  // Without the mutex: it may wait for a release, whose progress callback may close this file.
  hold::BlockRef made(
      new hold::MappedBlock(impl.catalog, impl.source,
                            {.protection = os::Protection::private_writable, .guard = impl.guard}));
  const std::lock_guard lock(impl.writable_mutex);
  if (was_closed(impl)) raise_ended(impl, index);
  if (!impl.writable_block) impl.writable_block = std::move(made);
  return impl.writable_block;
}

}  // namespace

Tensor File::Impl::acquire(std::size_t index) const { return acquire_from(*this, *block, index); }

void File::Impl::end() noexcept {
  if (closed.exchange(true)) return;
  // Owned tensors that were not read yet need the handle; their block closes it.
  if (owned == nullptr && source) source->close();
  block.close();
  hold::BlockRef views;
  {
    const std::lock_guard lock(writable_mutex);
    views = std::move(writable_block);
  }
  if (views) views->close();
}

std::size_t File::size() const noexcept { return impl_->catalog->size(); }

Tensor File::operator[](std::string_view name) const { return get(*impl_, position(*impl_, name)); }

Tensor File::at(std::size_t index) const { return get(*impl_, index); }

Result<Tensor> File::try_get(std::string_view name) const noexcept {
  return base::guarded("making a tensor", [&] { return (*this)[name]; });
}

bool File::contains(std::string_view name) const noexcept { return find(name).has_value(); }

std::optional<std::size_t> File::find(std::string_view name) const noexcept {
  return impl_->catalog->header().find(name);
}

TensorInfo File::info(std::size_t index) const& noexcept {
  const tensor::FileCatalog& catalog = *impl_->catalog;
  return {.name = catalog.name(index),
          .dtype = catalog.dtype(index),
          .shape = catalog.shape(index),
          .offset = catalog.offset(index),
          .nbytes = catalog.nbytes(index)};
}

std::vector<std::string_view> File::keys() const& {
  return base::raising("listing names", [&] {
    std::vector<std::string_view> names;
    names.reserve(size());
    for (std::size_t i = 0; i < size(); ++i) names.push_back(impl_->catalog->name(i));
    std::ranges::sort(names);
    return names;
  });
}

Tensor File::writable(std::string_view name) const {
  const std::size_t index = position(*impl_, name);
  if (impl_->access == Access::owned) return at(index).copy();
  return base::raising("making a writable view", [&] {
    if (closed()) raise_ended(*impl_, index);
    const hold::BlockRef block = writable_block(*impl_, index);
    return acquire_from(*impl_, *block.get(), index);
  });
}

void File::copy_to(std::span<const Destination> destinations) const {
  base::raising("copying tensors", [&] {
    std::vector<std::pair<std::size_t, std::span<std::byte>>> ordered;
    ordered.reserve(destinations.size());
    for (const Destination& destination : destinations) {
      const std::size_t index = position(*impl_, destination.name);
      if (destination.bytes.size() != impl_->catalog->nbytes(index))
        throw Error({.code = Code::size_differs,
                     .reason = "the destination has " + std::to_string(destination.bytes.size()) +
                               " bytes, the tensor " +
                               std::to_string(impl_->catalog->nbytes(index)),
                     .advice = "Give exactly the tensor's nbytes.",
                     .path = impl_->path,
                     .tensor = std::string(destination.name)});
      ordered.emplace_back(index, destination.bytes);
    }
    std::ranges::sort(ordered, {}, [](const auto& pair) { return pair.first; });
    for (const auto& [index, bytes] : ordered) at(index).copy_to(bytes);
  });
}

std::span<const std::pair<std::string_view, std::string_view>> File::metadata() const& noexcept {
  return impl_->catalog->header().metadata();
}

bool File::has_metadata() const noexcept { return impl_->catalog->header().has_metadata(); }

std::optional<std::string_view> File::metadata(std::string_view key) const& noexcept {
  for (const auto& [name, value] : metadata())
    if (name == key) return value;
  return std::nullopt;
}

const std::string& File::path() const& noexcept { return impl_->path; }
Access File::access() const noexcept { return impl_->access; }
const std::string& File::why() const& noexcept { return impl_->why; }
std::uint64_t File::file_bytes() const noexcept { return impl_->file_bytes; }
std::uint64_t File::header_bytes() const noexcept { return impl_->header_bytes; }
std::uint64_t File::trailing_bytes() const noexcept {
  return impl_->catalog->header().trailing_bytes();
}
void File::close() const noexcept { impl_->end(); }
bool File::closed() const noexcept { return was_closed(*impl_) || was_released(*impl_); }

}  // namespace v0
}  // namespace tensorhold
