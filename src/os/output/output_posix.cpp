#include "os/output/output.hpp"

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
#include "os/output/direct_posix.hpp"

namespace tensorhold::os {
namespace {

// Some systems refuse or cut transfers of 2 GiB and more.
constexpr std::size_t transfer_limit = std::size_t{1} << 30;
constexpr std::size_t parts_at_once = 512;  // every system takes 1024

bool sync_with(int descriptor, const std::string& path, int (*call)(int)) {
#ifdef F_FULLFSYNC
  // fsync leaves the bytes in the disk's own cache there.
  if (::fcntl(descriptor, F_FULLFSYNC) == 0) return true;
#endif
  while (call(descriptor) != 0) {
    if (errno == EINTR) continue;
    if (is_missing_call(errno)) return false;
    raise_system(errno, "sync the new file", path);
  }
  return true;
}

void refuse_beyond_limit(std::uint64_t offset, std::uint64_t bytes, const std::string& path) {
  if (bytes == 0) return;
  const auto end = base::checked_add(offset, bytes);
  if (!end || !within_size_limit(*end)) raise_system(EFBIG, "write the file", path, offset);
}

}  // namespace

Output Output::open(const std::string& path, Missing missing) {
  require_path(path);
  Output output(path);
  output.handle_ = open_descriptor(path, O_RDWR | (missing == Missing::create ? O_CREAT : 0),
                                   S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH);
  if (output.handle_ < 0) raise_system(errno, "open the file for writing", path);
  if (output.status().kind != FileKind::regular)
    throw Error({.code = Code::not_a_file,
                 .reason = "what stands at the path is not a regular file",
                 .advice = "Give the path of a file.",
                 .path = path});
  return output;
}

void Output::close() noexcept {
  for (std::intptr_t* const handle : {&direct_, &handle_})
    if (const auto descriptor = static_cast<int>(std::exchange(*handle, closed_handle));
        descriptor >= 0)
      (void)::close(descriptor);
}

FileStatus Output::status() const {
  struct ::stat found {};
  if (::fstat(static_cast<int>(handle_), &found) != 0)
    raise_system(errno, "ask for the file's status", path_);
  return to_status(found);
}

void Output::preallocate(std::uint64_t bytes) {
  constexpr auto last = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  if (bytes > last || !within_size_limit(bytes))
    raise_system(EFBIG, "reserve room for the new file", path_);
  if (bytes == 0) return;
#if defined(__linux__)
  int error = 0;
  do {
    error =
        ::fallocate(static_cast<int>(handle_), 0, 0, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
  } while (error == EINTR);
#elif defined(F_PREALLOCATE)
  fstore_t store{};
  store.fst_flags = F_ALLOCATEALL;
  store.fst_posmode = F_PEOFPOSMODE;
  store.fst_length = static_cast<off_t>(bytes);
  const int error = ::fcntl(static_cast<int>(handle_), F_PREALLOCATE, &store) == -1 ? errno : 0;
#else
  const int error = 0;
#endif
  if (error != 0 && code_of(error) == Code::no_space)
    raise_system(error, "reserve room for the new file", path_);
}

void Output::write_at(std::uint64_t offset,
                      std::span<const std::span<const std::byte>> parts) const {
  std::uint64_t bytes = 0;  // in memory, so it fits
  for (const auto& part : parts) bytes += part.size();
  refuse_beyond_limit(offset, bytes, path_);
  std::array<iovec, parts_at_once> vectors;
  std::size_t first = 0;  // part to go on with
  std::size_t skip = 0;   // bytes of it that are written
  while (true) {
    std::size_t count = 0;
    std::size_t room = transfer_limit;
    for (std::size_t i = first; i < parts.size() && count < vectors.size() && room > 0; ++i) {
      const auto part = parts[i].subspan(i == first ? skip : 0);
      if (part.empty()) continue;
      const std::size_t length = std::min(part.size(), room);
      // The interface has no const; the kernel only reads.
      vectors[count++] = {const_cast<std::byte*>(part.data()), length};
      room -= length;
    }
    if (count == 0) return;
    if (offset > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()))
      raise_system(EFBIG, "write the new file", path_, offset);
    const ssize_t wrote = ::pwritev(static_cast<int>(handle_), vectors.data(),
                                    static_cast<int>(count), static_cast<off_t>(offset));
    if (wrote < 0) {
      const int error = errno;
      if (error == EINTR) continue;
      if (error == EFAULT)
        throw Error({.code = Code::truncated,
                     .reason = "the memory that should be written here cannot be read: the file "
                               "that it is mapped from became shorter",
                     .advice = "Load the tensors again from a whole file, then save.",
                     .path = path_,
                     .offset = offset,
                     .os_error = error});
      raise_system(error, "write the new file", path_, offset);
    }
    if (wrote == 0) raise_system(EIO, "write the new file", path_, offset);
    offset += static_cast<std::uint64_t>(wrote);
    for (auto left = static_cast<std::size_t>(wrote); first < parts.size();) {
      const std::size_t rest = parts[first].size() - skip;
      if (left < rest) {
        skip += left;
        break;
      }
      left -= rest;
      skip = 0;
      ++first;
    }
  }
}

bool Output::open_direct() {
  if (direct_ == closed_handle) direct_ = open_past_page_cache(static_cast<int>(handle_), O_WRONLY);
  return direct_ != closed_handle;
}

bool Output::write_direct(std::uint64_t offset, std::span<const std::byte> bytes) const {
  refuse_beyond_limit(offset, bytes.size(), path_);
  while (!bytes.empty()) {
    if (offset > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()))
      raise_system(EFBIG, "write the new file", path_, offset);
    const ssize_t wrote =
        ::pwrite(static_cast<int>(direct_), bytes.data(), std::min(bytes.size(), transfer_limit),
                 static_cast<off_t>(offset));
    if (wrote < 0) {
      if (errno == EINTR) continue;
      if (errno == EINVAL || errno == EFAULT) return false;
      raise_system(errno, "write the new file", path_, offset);
    }
    if (wrote == 0) raise_system(EIO, "write the new file", path_, offset);
    offset += static_cast<std::uint64_t>(wrote);
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return true;
}

void Output::refuse_limit(std::uint64_t end) const {
  if (!within_size_limit(end)) raise_system(EFBIG, "write the file", path_, end);
}

void Output::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  read_all(static_cast<int>(handle_), path_, offset, out);
}

bool Output::resize(std::uint64_t bytes) {
  if (bytes > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()))
    raise_system(EFBIG, "set the size of the file", path_);
  if (!within_size_limit(bytes) && bytes > status().size)
    raise_system(EFBIG, "set the size of the file", path_);
  while (::ftruncate(static_cast<int>(handle_), static_cast<off_t>(bytes)) != 0) {
    if (errno == EINTR) continue;
    if (is_missing_call(errno) || errno == EPERM) return false;
    raise_system(errno, "set the size of the file", path_);
  }
  return true;
}

void Output::ask_to_flush() {
  // Closing a second descriptor makes network filesystems send what they keep back; without one,
  // the sync or the system's own pace has to do.
  const int second = ::fcntl(static_cast<int>(handle_), F_DUPFD_CLOEXEC, 0);
  if (second >= 0 && ::close(second) != 0 && errno != EINTR)
    raise_system(errno, "write the new file", path_);
}

bool Output::ask_to_sync() { return sync_with(static_cast<int>(handle_), path_, ::fsync); }

bool Output::ask_to_sync_bytes() {
#if defined(_POSIX_SYNCHRONIZED_IO) && _POSIX_SYNCHRONIZED_IO > 0
  return sync_with(static_cast<int>(handle_), path_, ::fdatasync);
#else
  return ask_to_sync();
#endif
}

}  // namespace tensorhold::os
