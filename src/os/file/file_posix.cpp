#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "base/checked.hpp"
#include "os/error/error_posix.hpp"
#include "os/file/descriptor_posix.hpp"
#include "os/file/file.hpp"

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

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    close();
    handle_ = std::exchange(other.handle_, closed_handle);
    path_ = std::move(other.path_);
  }
  return *this;
}

File::~File() { close(); }

void File::close() noexcept {
  if (!is_open()) return;
  // Never repeated after EINTR: the descriptor is gone, and its number may be another thread's.
  (void)::close(static_cast<int>(handle_));
  handle_ = closed_handle;
}

File File::open_read(const std::string& path) {
  require_path(path);
  File file;
  file.path_ = path;
  const int descriptor = open_descriptor(path, O_RDONLY);
  if (descriptor < 0) raise_system(errno, "open the file", path);
  file.handle_ = descriptor;
  return file;
}

namespace {

// Why the bytes of an open descriptor cannot be read as a file; null: they can.
const char* why_unreadable(int descriptor) noexcept {
  const int flags = ::fcntl(descriptor, F_GETFL);
#ifdef O_PATH
  if (flags >= 0 && (flags & O_PATH) != 0)
    return "the descriptor stands for a path (O_PATH), not for what is in it";
#endif
  if (flags >= 0 && (flags & O_ACCMODE) == O_WRONLY)
    return "the descriptor is open for writing only";
  struct ::stat found {};
  if (::fstat(descriptor, &found) != 0 || S_ISREG(found.st_mode)) return nullptr;
  return S_ISDIR(found.st_mode) ? "the descriptor is that of a folder"
                                : "the descriptor is that of a pipe, socket or device";
}

}  // namespace

File File::duplicate(int descriptor, const std::string& name) {
  if (const char* const why = why_unreadable(descriptor))
    throw Error({.code = Code::invalid_argument,
                 .reason = why,
                 .advice = "Give the descriptor of a regular file that is open for reading.",
                 .path = name});
  File file;
  file.path_ = name;
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) {
    const int error = errno;
    if (error == EBADF)
      throw Error({.code = Code::invalid_argument,
                   .reason = "the descriptor is not open",
                   .advice = "Give the descriptor of a file that is open for reading.",
                   .path = name,
                   .os_error = error});
    // The limit of open files is reported as EINVAL when it is 0.
    raise_system(error == EINVAL ? EMFILE : error, "duplicate the descriptor", name);
  }
  file.handle_ = copy;
  return file;
}

FileStatus File::status() const {
  struct ::stat found {};
  if (::fstat(static_cast<int>(handle_), &found) != 0)
    raise_system(errno, "ask for the file's status", path_);
  return to_status(found);
}

std::optional<std::uint64_t> File::size() const noexcept {
  struct ::stat found {};
  if (::fstat(static_cast<int>(handle_), &found) != 0) return std::nullopt;
  return to_status(found).size;
}

void File::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  read_all(static_cast<int>(handle_), path_, offset, out);
}

void File::read_at(std::uint64_t offset, std::span<const std::span<std::byte>> pieces) const {
  read_all(static_cast<int>(handle_), path_, offset, pieces);
}

void File::expect(Reads reads) const noexcept {
#ifdef POSIX_FADV_RANDOM
  const int advice = reads == Reads::scattered ? POSIX_FADV_RANDOM : POSIX_FADV_NORMAL;
  (void)::posix_fadvise(static_cast<int>(handle_), 0, 0, advice);
#else
  (void)reads;
#endif
}

std::optional<FileStatus> status_at(const std::string& path) {
  require_path(path);
  struct ::stat found {};
  if (::stat(path.c_str(), &found) == 0) return to_status(found);
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  raise_system(errno, "ask for the file's status", path);
}

}  // namespace tensorhold::os
