#include "os/file/descriptor_posix.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "base/checked.hpp"
#include "os/error/error_posix.hpp"

namespace tensorhold::os {
namespace {

// Some systems refuse or cut transfers of 2 GiB and more.
constexpr std::size_t transfer_limit = std::size_t{1} << 30;

// Pieces of one call; POSIX promises 16, and the systems that matter take 1024.
constexpr std::size_t pieces_limit = 512;

}  // namespace

void require_path(const std::string& path) {
  if (path.empty())
    throw Error({.code = Code::invalid_argument,
                 .reason = "the path is empty",
                 .advice = "Give the path of a file."});
  if (path.find('\0') != std::string::npos)
    throw Error({.code = Code::invalid_argument,
                 .reason = "the path has a NUL inside",
                 .advice = "Give the path of a file.",
                 .path = path});
}

int open_descriptor(const std::string& path, int flags, mode_t mode) noexcept {
  const auto open = [&](int more) {
    int descriptor = -1;
    do {
      descriptor = ::open(path.c_str(), flags | more | O_CLOEXEC | O_NOCTTY, mode);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
  };
  int descriptor = open(O_NONBLOCK);
  // Over a network: another file took the name between the look at it and its open.
  for (int again = 0; again < 8 && descriptor < 0 && errno == ESTALE; ++again)
    descriptor = open(O_NONBLOCK);
  // A lease on the file that has to be broken first; pipes never answer that.
  if (descriptor < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return open(0);
  // Reads of a file may wait; a filesystem may take the flag as a wish to fail instead.
  if (descriptor >= 0) (void)::fcntl(descriptor, F_SETFL, 0);
  return descriptor;
}

void read_all(int descriptor, const std::string& path, std::uint64_t offset,
              std::span<std::byte> out) {
  read_all(descriptor, path, offset, std::span<const std::span<std::byte>>(&out, 1));
}

void read_all(int descriptor, const std::string& path, std::uint64_t offset,
              std::span<const std::span<std::byte>> pieces) {
  std::uint64_t left = 0;
  for (const auto& piece : pieces) left += piece.size();  // in memory, so it fits
  constexpr auto last = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  const auto end = base::checked_add(offset, left);
  if (!end || *end > last) raise_system(EFBIG, "read the file", path, offset);
  std::size_t done = 0;  // of the first piece
  std::array<iovec, pieces_limit> vector;
  while (left > 0) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < pieces.size() && count < pieces_limit && bytes < transfer_limit;
         ++i) {
      const auto piece = i == 0 ? pieces[0].subspan(done) : pieces[i];
      const std::size_t some = std::min(piece.size(), transfer_limit - bytes);
      if (some != 0) vector[count++] = {.iov_base = piece.data(), .iov_len = some};
      bytes += some;
    }
    const auto at = static_cast<off_t>(offset);
    const ssize_t got = count == 1
                            ? ::pread(descriptor, vector[0].iov_base, vector[0].iov_len, at)
                            : ::preadv(descriptor, vector.data(), static_cast<int>(count), at);
    if (got < 0) {
      if (errno == EINTR) continue;
      raise_system(errno, "read the file", path, offset);
    }
    if (got == 0)
      throw Error({.code = Code::unexpected_end,
                   .reason = "the file ends here, " + std::to_string(left) +
                             " bytes before the end of what was read",
                   .advice = "Others made it shorter, or it is still being written: get it whole, "
                             "then open it again.",
                   .path = path,
                   .offset = offset});
    offset += static_cast<std::uint64_t>(got);
    left -= static_cast<std::uint64_t>(got);
    done += static_cast<std::size_t>(got);
    while (!pieces.empty() && done >= pieces[0].size()) {
      done -= pieces[0].size();
      pieces = pieces.subspan(1);
    }
  }
}

bool within_size_limit(std::uint64_t end) noexcept {
  rlimit limit{};
  return ::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
         end <= limit.rlim_cur;
}

bool is_missing_call(int error) noexcept {
  return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == ENOTSUP ||
         error == ENOTTY;
}

FileStatus to_status(const struct ::stat& from) noexcept {
#ifdef __APPLE__
  const timespec& modified = from.st_mtimespec;
  const timespec& changed = from.st_ctimespec;
#else
  const timespec& modified = from.st_mtim;
  const timespec& changed = from.st_ctim;
#endif
  const auto nanoseconds = [](const timespec& time) {
    // Unsigned, because a foreign filesystem may hold any number of seconds.
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
                                     static_cast<std::uint64_t>(time.tv_nsec));
  };
  FileStatus status;
  status.identity.device = static_cast<std::uint64_t>(from.st_dev);
  status.identity.file = static_cast<std::uint64_t>(from.st_ino);
  status.kind = S_ISREG(from.st_mode)   ? FileKind::regular
                : S_ISDIR(from.st_mode) ? FileKind::directory
                                        : FileKind::other;
  status.size = from.st_size < 0 ? 0 : static_cast<std::uint64_t>(from.st_size);
  status.modified_ns = nanoseconds(modified);
  status.changed_ns = nanoseconds(changed);
  status.links = static_cast<std::uint64_t>(from.st_nlink);
  return status;
}

}  // namespace tensorhold::os
