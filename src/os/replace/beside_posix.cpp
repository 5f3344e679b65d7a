#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "os/error/error_posix.hpp"
#include "os/file/descriptor_posix.hpp"
#include "os/replace/beside.hpp"

namespace tensorhold::os {
namespace {

int folder_of(const Place& place) noexcept { return static_cast<int>(place.native()); }

bool look(const Place& place, const std::string& name, struct ::stat& found) noexcept {
  return ::fstatat(folder_of(place), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0;
}

int open_in(const Place& place, const std::string& name, int more) noexcept {
  int file = -1;
  do {
    file = ::openat(folder_of(place), name.c_str(),
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | more);
  } while (file < 0 && errno == EINTR);
  return file;
}

std::optional<Trust> trust(const struct ::stat& file, const struct ::stat& target) noexcept {
  if (!S_ISREG(file.st_mode)) return std::nullopt;
  if (file.st_uid == 0 || file.st_uid == target.st_uid || file.st_uid == ::geteuid() ||
      (target.st_mode & S_IWOTH) != 0)
    return Trust::whole;
  // A folder may hand its group on to whatever is made in it, so that this is no proof.
  if ((target.st_mode & S_IWGRP) != 0 && file.st_gid == target.st_gid) return Trust::perhaps;
  return std::nullopt;
}

}  // namespace

std::string path_beside(const std::string& path, std::string_view name) {
  const std::size_t slash = path.rfind('/');
  std::string beside = path.substr(0, slash == std::string::npos ? 0 : slash + 1);
  return beside.append(name);
}

std::string_view name_in(std::string_view path) noexcept {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

File open_and_tell(const std::string& path, bool& is_link) {
  require_path(path);
  const int file = open_descriptor(path, O_RDONLY | O_NOFOLLOW);
  is_link = file < 0;
  // Systems differ in what they answer for a link.
  return is_link ? File::open_read(path) : File::adopt(file, path);
}

std::optional<FileStatus> status_beside(const Place& place, const std::string& name) {
  struct ::stat found {};
  if (look(place, name, found)) return to_status(found);
  if (errno == ENOENT || errno == ENAMETOOLONG) return std::nullopt;
  raise_system(errno, "look beside the file", place.path());
}

std::optional<Beside> open_beside(const Place& place, const std::string& name,
                                  std::intptr_t target) {
  struct ::stat theirs {};
  struct ::stat ours {};
  if (::fstat(static_cast<int>(target), &ours) != 0 || !look(place, name, theirs) ||
      !trust(theirs, ours))
    return std::nullopt;
  int file = open_in(place, name, O_NONBLOCK);
  if (file < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) file = open_in(place, name, 0);
  if (file < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EIO)
      raise_system(errno, "open the journal beside the file", place.path());
    return std::nullopt;
  }
  // Reads of a file may wait; a filesystem may take the flag as a wish to fail instead.
  (void)::fcntl(file, F_SETFL, 0);
  // What stood there may be another file by now.
  const auto trusted = ::fstat(file, &theirs) == 0 ? trust(theirs, ours) : std::nullopt;
  File opened = File::adopt(file, path_beside(place.path(), name));
  if (!trusted) return std::nullopt;
  return Beside{.file = std::move(opened), .trust = *trusted};
}

void sync_beside(const Place& place, const std::string& name) {
  const int file = open_in(place, name, 0);
  if (file < 0) raise_system(errno, "open the journal beside the file", place.path());
  const File closing = File::adopt(file, place.path());
  while (::fsync(file) != 0) {
    if (errno == EINTR) continue;
    if (is_missing_call(errno)) return;
    raise_system(errno, "sync the journal beside the file", place.path());
  }
}

bool remove_beside(const Place& place, const std::string& name) noexcept {
  struct ::stat found {};
  return look(place, name, found) && S_ISREG(found.st_mode) &&
         ::unlinkat(folder_of(place), name.c_str(), 0) == 0;
}

}  // namespace tensorhold::os
