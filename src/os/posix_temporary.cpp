#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/posix_common.hpp"
#include "os/posix_error.hpp"
#include "os/temporary_name.hpp"
#include "os/write.hpp"

namespace tensorhold::os {
namespace {

constexpr int attempts = 16;
constexpr mode_t everyone = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;

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
                                    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
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
  const bool ours = !name_.empty() && process_ == process_id();
  const bool again = ours && !remove() && errno != ENOENT;
  close();
  if (again) (void)remove();
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

void Temporary::put_in_place_as(const std::string& name) {
  const auto folder = static_cast<int>(place_->native());
  if (::renameat(folder, name_.c_str(), folder, name.c_str()) != 0) {
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
  close();
}

}  // namespace tensorhold::os
