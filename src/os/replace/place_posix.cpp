#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/error/error_posix.hpp"
#include "os/file/descriptor_posix.hpp"
#include "os/file/file_info.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "os/lock/temporary_lock_posix.hpp"
#include "os/replace/beside.hpp"
#include "os/replace/place.hpp"

namespace tensorhold::os {
namespace {

constexpr int link_limit = 40;

int open_folder(int base, const char* path) {
  constexpr int flags = O_DIRECTORY | O_CLOEXEC;
  int folder = -1;
  do {
    folder = ::openat(base, path, O_RDONLY | flags);
  } while (folder < 0 && errno == EINTR);
#ifdef O_PATH
  // A folder that may be written but not read can still take the file; only sync() misses it.
  if (folder < 0 && errno == EACCES) folder = ::openat(base, path, O_PATH | flags);
#endif
  return folder;
}

/// What the link says; std::nullopt when no link stands there.
std::optional<std::string> read_link(int folder, const std::string& name, const std::string& path) {
  std::string target(256, '\0');
  while (true) {
    const ssize_t length = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    if (length < 0) {
      if (errno == EINVAL || errno == ENOENT) return std::nullopt;
      raise_system(errno, "read the symbolic link", path);
    }
    if (static_cast<std::size_t>(length) < target.size()) {
      target.resize(static_cast<std::size_t>(length));
      return target;
    }
    target.resize(target.size() * 2);
  }
}

/// True when the system refused a removal as those do that mind whoever has the file open.
bool is_refusal_of_holders(int error) noexcept {
  return error == EACCES || error == EPERM || error == EBUSY || error == ETXTBSY;
}

// Removed under the lock: between an end of the lock and the removal its maker could take it. Where
// the system refuses because of our own handle, without: it refuses then if the maker has one.
bool remove_if_stale(int folder, const char* name) noexcept {
  const int file =
      ::openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return false;
  struct ::stat found {};
  const bool stale = ::fstat(file, &found) == 0 && S_ISREG(found.st_mode) &&
                     try_lock_temporary(file, /*exclusive=*/false) == Locking::taken;
  const bool removed = stale && ::unlinkat(folder, name, 0) == 0;
  const bool again = stale && !removed && is_refusal_of_holders(errno);
  (void)::close(file);
  return removed || (again && ::unlinkat(folder, name, 0) == 0);
}

}  // namespace

Place& Place::operator=(Place&& other) noexcept {
  if (this != &other) {
    if (folder_ != no_folder) (void)::close(static_cast<int>(folder_));
    folder_ = std::exchange(other.folder_, no_folder);
    path_ = std::move(other.path_);
    name_ = std::move(other.name_);
  }
  return *this;
}

Place::~Place() {
  if (folder_ != no_folder) (void)::close(static_cast<int>(folder_));
}

Place Place::of(const std::string& path, bool follow_symlink) {
  require_path(path);
  Place place;
  place.path_ = path;
  std::string rest = path;
  for (int links = 0;; ++links) {
    const std::size_t slash = rest.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : rest.substr(0, slash + 1);
    place.name_ = slash == std::string::npos ? rest : rest.substr(slash + 1);
    if (place.name_.empty() || place.name_ == "." || place.name_ == "..")
      throw Error({.code = Code::not_a_file,
                   .reason = "the path can only name a folder",
                   .advice = "Give the path of a file.",
                   .path = place.path_});
    const int base = place.folder_ == no_folder ? AT_FDCWD : static_cast<int>(place.folder_);
    const int folder = open_folder(base, parent.c_str());
    if (folder < 0) {
      if (errno == ENOENT)
        throw Error({.code = Code::not_found,
                     .reason = "the folder that shall take the file does not exist",
                     .advice = "Create the folder first.",
                     .path = place.path_,
                     .os_error = ENOENT});
      raise_system(errno, "open the folder of the file", place.path_);
    }
    if (place.folder_ != no_folder) (void)::close(static_cast<int>(place.folder_));
    place.folder_ = folder;
    if (!follow_symlink) return place;
    const auto target = read_link(folder, place.name_, place.path_);
    if (!target) return place;
    if (links == link_limit || target->empty())
      raise_system(ELOOP, "follow the symbolic link", path);
    const std::size_t last = place.path_.rfind('/');
    const bool relative = target->front() != '/' && last != std::string::npos;
    place.path_ = (relative ? place.path_.substr(0, last + 1) : std::string()) + *target;
    rest = *target;
  }
}

std::optional<FileStatus> Place::status() const {
  struct ::stat found {};
  if (::fstatat(static_cast<int>(folder_), name_.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0)
    return to_status(found);
  if (errno == ENOENT) return std::nullopt;
  raise_system(errno, "ask for the file's status", path_);
}

void Place::sync() const {
  while (::fsync(static_cast<int>(folder_)) != 0) {
    const int error = errno;
    if (error == EINTR) continue;
    throw Error({.code = Code::not_durable,
                 .reason = "the new file is in place, but the system could not sync its folder",
                 .advice = "A power cut in the next seconds may bring the old file back: save "
                           "again, or turn durable off if that is enough.",
                 .path = path_,
                 .os_error = error});
  }
}

FolderMark Place::folder() const noexcept {
  struct ::stat found {};
  const auto folder = static_cast<int>(folder_);
  if (::fstat(folder, &found) != 0) return {};
  return {.identity = to_status(found).identity, .born = birth_mark(folder)};
}

std::size_t Place::remove_stale() const noexcept {
  const auto folder = static_cast<int>(folder_);
  const int listed = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (listed < 0) return 0;
  DIR* const list = ::fdopendir(listed);
  if (list == nullptr) {
    (void)::close(listed);
    return 0;
  }
  std::size_t removed = 0;
  while (const dirent* const entry = ::readdir(list)) {
    const bool leftover = is_leftover_name(entry->d_name)
                              ? remove_if_stale(folder, entry->d_name)
                              : remove_stale_journal(*this, entry->d_name);
    if (leftover) ++removed;
  }
  (void)::closedir(list);
  return removed;
}

}  // namespace tensorhold::os
