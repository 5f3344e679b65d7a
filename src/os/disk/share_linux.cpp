#include <linux/fs.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "base/checked.hpp"
#include "os/disk/share.hpp"
#include "os/file/descriptor_posix.hpp"

namespace tensorhold::os {

bool share_range(const File& from, std::uint64_t from_at, const Output& to, std::uint64_t to_at,
                 std::uint64_t bytes) noexcept {
  file_clone_range range{
      .src_fd = from.native(), .src_offset = from_at, .src_length = bytes, .dest_offset = to_at};
  const auto end = base::checked_add(to_at, bytes);
  if (!end || !within_size_limit(*end)) return false;  // the copy says so
  int answer = 0;
  do {
    answer = ::ioctl(static_cast<int>(to.native()), FICLONERANGE, &range);
  } while (answer != 0 && errno == EINTR);
  return answer == 0;
}

}  // namespace tensorhold::os
