#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "base/checked.hpp"
#include "os/disk/direct_read.hpp"
#include "os/file/file.hpp"
#include "os/file/mapping.hpp"
#include "os/output/direct_posix.hpp"

namespace tensorhold::os {

std::unique_ptr<const DirectReads> DirectReads::open(const File& file) noexcept {
  const int descriptor = static_cast<int>(file.native());
  struct ::stat status {};
  if (::fstat(descriptor, &status) != 0 || status.st_size <= 0) return nullptr;
  const auto length = base::checked_size(static_cast<std::uint64_t>(status.st_size));
  std::unique_ptr<DirectReads> reads(new (std::nothrow) DirectReads);
  if (!length || !reads) return nullptr;
  reads->handle_ = open_past_page_cache(descriptor, O_RDONLY);
  if (reads->handle_ < 0) return nullptr;
  void* const view = ::mmap(nullptr, *length, PROT_READ, MAP_SHARED, descriptor, 0);
  if (view == MAP_FAILED) return nullptr;
  reads->view_ = static_cast<std::byte*>(view);
  reads->length_ = *length;
  return reads;
}

DirectReads::~DirectReads() {
  if (view_ != nullptr) (void)::munmap(view_, length_);
  if (handle_ >= 0) (void)::close(handle_);
}

// mincore(2) answers for the cache, not for this mapping's tables; where the process may not know,
// it says that everything is there.
bool DirectReads::is_cached(std::uint64_t offset) const noexcept {
  if (offset >= length_) return true;
  const std::size_t page = page_size();
  const std::size_t begin = static_cast<std::size_t>(offset) / page * page;
  unsigned char resident = 0;
  return ::mincore(view_ + begin, 1, &resident) != 0 || (resident & 1U) != 0;
}

std::optional<std::size_t> DirectReads::read(std::uint64_t offset,
                                             std::span<std::byte> out) const noexcept {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        ::pread(handle_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    done += static_cast<std::size_t>(got);
    // Short of the alignment: that was the end of the file.
    if (got == 0 || done % alignment != 0) break;
  }
  return done;
}

}  // namespace tensorhold::os
