#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/error/error_posix.hpp"
#include "os/file/descriptor_posix.hpp"
#include "os/file/file.hpp"

namespace tensorhold::os {

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
