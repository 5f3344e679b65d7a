#include <memory>
#include <vector>

#include "base/boundary.hpp"
#include "file/file_impl.hpp"
#include "hold/release.hpp"
#include "hold/source/registry.hpp"
#include "tensorhold/hold.hpp"

namespace tensorhold {
inline namespace v0 {
namespace {

constexpr const char* doing = "releasing a file";

Released release_all(const Path& path, const ReleaseOptions& options) {
  return hold::release(hold::sources_of(path.string()), options);
}

}  // namespace

Released release(const Path& path, const ReleaseOptions& options) {
  return base::raising(doing, [&] { return release_all(path, options); });
}

Result<Released> try_release(const Path& path, const ReleaseOptions& options) noexcept {
  return base::guarded(doing, [&] { return release_all(path, options); });
}

Released File::release(const ReleaseOptions& options) const {
  return base::raising(doing, [&] {
    if (!impl_->source) return Released{};
    return hold::release({&impl_->source, 1}, options);
  });
}

}  // namespace v0
}  // namespace tensorhold
