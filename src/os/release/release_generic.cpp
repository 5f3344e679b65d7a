// For systems where no way to release in place is proven.
#include "os/release/release.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {

struct Release::State {};

Release::Release(const Mapping&, std::span<const Part>, const ReleaseOptions&) {
  throw Error({.code = Code::release_unsupported,
               .reason = "this system has no proven way to release in place",
               .advice = "Copy the tensors that are needed and drop the others."});
}

Release::~Release() = default;
std::size_t Release::chunks() const noexcept { return 0; }
Part Release::chunk(std::size_t) const noexcept { return {}; }
std::size_t Release::exchange(std::size_t, std::span<const Part>) { return 0; }
bool Release::touched() const noexcept { return false; }
void Release::discard(std::byte*, std::size_t) noexcept {}
void Release::split_huge_page(std::byte*) noexcept {}
bool has_pinned_memory() noexcept { return false; }

}  // namespace tensorhold::os
