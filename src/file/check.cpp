#include <optional>

#include "base/boundary.hpp"
#include "file/file_impl.hpp"
#include "hold/source/lost_bytes.hpp"
#include "hold/source/mapped_block.hpp"
#include "os/file/file.hpp"
#include "tensorhold/file.hpp"
#include "tensorhold/hold.hpp"

namespace tensorhold {
inline namespace v0 {
namespace {

// Times too: an overlay filesystem keeps the identity of a file whose bytes it copied up.
bool same_bytes(const os::FileStatus& a, const os::FileStatus& b) noexcept {
  return a.size == b.size && a.modified_ns == b.modified_ns;
}

FileState compare(const os::FileStatus& opened, const os::FileStatus& now) noexcept {
  if (now.size < opened.size) return FileState::truncated;
  return same_bytes(opened, now) ? FileState::unchanged : FileState::modified;
}

FileState look(const hold::Source& source) {
  for (const auto& [keep, block] : source.blocks().mapped)
    if (block->damaged()) return FileState::damaged;
  if (source.damaged()) return FileState::damaged;
  const os::FileStatus& opened = source.status();
  // What was opened counts first: its bytes are those of the tensors.
  auto handle = source.handle();
  for (const auto& [keep, block] : source.blocks().mapped)
    if (!handle && block->mapped()) handle = block->handle();
  if (handle)
    if (const FileState state = compare(opened, handle->status()); state != FileState::unchanged)
      return state;
  if (source.absolute_path().empty()) return FileState::unchanged;
  const std::optional<os::FileStatus> now = os::status_at(source.absolute_path());
  if (!now) return FileState::deleted;
  if (!(now->identity == opened.identity)) return FileState::replaced;
  return compare(opened, *now);
}

}  // namespace

FileState File::check() const {
  return base::raising("checking a file",
                       [&] { return impl_->source ? look(*impl_->source) : FileState::unchanged; });
}

void require_bytes(std::span<const std::byte> bytes) {
  base::raising("checking bytes", [&] { hold::LostBytes().refuse(bytes); });
}

}  // namespace v0
}  // namespace tensorhold
