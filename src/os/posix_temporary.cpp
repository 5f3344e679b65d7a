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
#include "os/posix_common.hpp"
#include "os/posix_error.hpp"
#include "os/temporary_name.hpp"
#include "os/write.hpp"

namespace tensorhold::os {
namespace {

constexpr int attempts = 16;
// Some systems refuse or cut transfers of 2 GiB and more.
constexpr std::size_t transfer_limit = std::size_t{1} << 30;
constexpr std::size_t parts_at_once = 512;  // every system takes 1024
constexpr mode_t everyone = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;

bool is_missing_call(int error) noexcept {
  return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == ENOTSUP ||
         error == ENOTTY;
}

// What stands at the place, links not followed; false when nothing does.
bool look_at(const Place& place, struct ::stat& found) {
  if (::fstatat(static_cast<int>(place.native()), place.name().c_str(), &found,
                AT_SYMLINK_NOFOLLOW) == 0)
    return true;
  if (errno == ENOENT) return false;
  raise_system(errno, "look at the file that shall be replaced", place.path());
}

// True when the temporary is ours alone. Otherwise someone who removes left-over temporaries was
// between its creation and the lock, and has removed it or is about to.
bool claim(int descriptor) noexcept {
  if (try_lock_temporary(descriptor, /*exclusive=*/true) == Locking::busy) return false;
  struct ::stat now {};
  return ::fstat(descriptor, &now) != 0 || now.st_nlink != 0;
}

}  // namespace

Temporary Temporary::create(const Place& place) {
  struct ::stat old {};
  const bool replaces = look_at(place, old);
  if (replaces && !S_ISREG(old.st_mode) && !S_ISLNK(old.st_mode))
    throw Error({.code = Code::not_a_file,
                 .reason = S_ISDIR(old.st_mode) ? "a folder stands there"
                                                : "a device, pipe or socket stands there",
                 .advice = "Give the path of a regular file.",
                 .path = place.path()});
  // What replaces a file is nobody else's to read until it has that file's mode and owner.
  const mode_t mode = replaces && S_ISREG(old.st_mode) ? S_IRUSR | S_IWUSR : everyone;
  const auto folder = static_cast<int>(place.native());
  const std::size_t limit = name_limit(folder);
  int error = EEXIST;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    Temporary temporary(place);
    temporary.name_ =
        make_temporary_name(place.name(), static_cast<std::uint64_t>(::getpid()), limit);
    const int descriptor = ::openat(folder, temporary.name_.c_str(),
                                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (descriptor < 0) {
      error = errno;
      if (error == EINTR) continue;  // a server may have made it all the same: removed on the way
      temporary.name_.clear();
      if (error == EEXIST) continue;
      break;
    }
    temporary.handle_ = descriptor;
    if (claim(descriptor)) return temporary;
  }
  raise_system(error, "create a temporary file beside the file", place.path());
}

Temporary::~Temporary() {
  const auto remove = [&] {
    return ::unlinkat(static_cast<int>(place_->native()), name_.c_str(), 0) == 0;
  };
  // Unlinked before the lock goes with the descriptor, and again after it on a filesystem that
  // keeps the names of open files.
  const bool again = !name_.empty() && !remove() && errno != ENOENT;
  if (handle_ != closed_handle) (void)::close(static_cast<int>(handle_));
  if (again) (void)remove();
}

void Temporary::preallocate(std::uint64_t bytes) {
  constexpr auto last = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  rlimit limit{};
  // Asked first: to go beyond this limit ends the process with SIGXFSZ.
  const bool limited = ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  if (bytes > last || (limited && bytes > limit.rlim_cur))
    raise_system(EFBIG, "reserve room for the new file", place_->path());
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
    raise_system(error, "reserve room for the new file", place_->path());
}

void Temporary::write_at(std::uint64_t offset, std::span<const std::span<const std::byte>> parts) {
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
      raise_system(EFBIG, "write the new file", place_->path(), offset);
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
                     .path = place_->path(),
                     .offset = offset,
                     .os_error = error});
      raise_system(error, "write the new file", place_->path(), offset);
    }
    if (wrote == 0) raise_system(EIO, "write the new file", place_->path(), offset);
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

void Temporary::keep_attributes() {
  struct ::stat old {};
  struct ::stat ours {};
  const auto descriptor = static_cast<int>(handle_);
  if (!look_at(*place_, old) || !S_ISREG(old.st_mode)) return;
  if (::fstat(descriptor, &ours) != 0) return;
  // Best effort: only root gives files away, and some filesystems have no owners. The group can
  // often be kept where the owner cannot.
  bool owner = ours.st_uid == old.st_uid;
  bool group = ours.st_gid == old.st_gid;
  if (!owner) {
    owner = ::fchown(descriptor, old.st_uid, old.st_gid) == 0;
    group = owner || group;
  }
  if (!group) group = ::fchown(descriptor, static_cast<uid_t>(-1), old.st_gid) == 0;
  mode_t mode = old.st_mode & 07777;
  // Rights that were meant for another owner or group are not handed to the new one.
  if (!owner) mode &= ~static_cast<mode_t>(S_ISUID | S_ISGID);
  if (!group) mode = (mode & ~static_cast<mode_t>(S_ISGID | S_IRWXG)) | ((mode & S_IRWXO) << 3U);
  (void)::fchmod(descriptor, mode);
}

void Temporary::flush() {
  // Closing a second descriptor makes network filesystems send what they keep back; without one,
  // the sync or the system's own pace has to do.
  const int second = ::fcntl(static_cast<int>(handle_), F_DUPFD_CLOEXEC, 0);
  if (second >= 0 && ::close(second) != 0 && errno != EINTR)
    raise_system(errno, "write the new file", place_->path());
}

bool Temporary::sync() {
  const auto descriptor = static_cast<int>(handle_);
#ifdef F_FULLFSYNC
  // fsync leaves the bytes in the disk's own cache there.
  if (::fcntl(descriptor, F_FULLFSYNC) == 0) return true;
#endif
  while (::fsync(descriptor) != 0) {
    if (errno == EINTR) continue;
    if (is_missing_call(errno)) return false;
    raise_system(errno, "sync the new file", place_->path());
  }
  return true;
}

void Temporary::put_in_place() {
  const auto folder = static_cast<int>(place_->native());
  if (::renameat(folder, name_.c_str(), folder, place_->name().c_str()) != 0) {
    const int error = errno;
    if (error == EISDIR || error == ENOTEMPTY || error == EEXIST)
      raise_system(EISDIR, "put the new file in place", place_->path());
    if (is_missing_call(error) || error == EXDEV)
      throw Error({.code = Code::unsupported,
                   .reason = "the filesystem cannot rename a file onto another",
                   .advice = "Save on another filesystem, and copy the file from there.",
                   .path = place_->path(),
                   .os_error = error});
    raise_change(error, "put the new file in place", place_->path(), folder);
  }
  name_.clear();
  (void)::close(static_cast<int>(std::exchange(handle_, closed_handle)));
}

}  // namespace tensorhold::os
