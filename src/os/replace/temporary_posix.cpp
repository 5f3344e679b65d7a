#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/error/error_posix.hpp"
#include "os/file/descriptor_posix.hpp"
#include "os/leftovers/seen_folders.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "os/lock/temporary_lock_posix.hpp"
#include "os/replace/names_posix.hpp"
#include "os/replace/temporary.hpp"
#include "os/rights/attributes_posix.hpp"

namespace tensorhold::os {
namespace {

constexpr int attempts = 16;
constexpr mode_t owner_alone = S_IRUSR | S_IWUSR;
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

// The mode of a new file in the folder, by umask or the folder's own list; 0: it cannot be told.
mode_t usual_mode(int folder) noexcept {
  mode_t mode = 0;
#ifdef O_TMPFILE
  const int probe = ::openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, everyone);
  if (probe < 0) return 0;
  struct ::stat found {};
  if (::fstat(probe, &found) == 0) mode = found.st_mode & 07777;
  (void)::close(probe);
#else
  (void)folder;
#endif
  return mode;
}

// `usual`: the mode of a new file where a link stood when `ours` was made; 0: none stood there.
void keep(const Place& other, int ours, mode_t usual, Carry what) {
  const auto folder = static_cast<int>(other.native());
  if (const auto file = AttributeSource::at(folder, other.name(), /*follow_symlink=*/false)) {
    (void)carry_attributes(*file, ours, what);
  } else if (usual != 0) {
    const auto target = AttributeSource::at(folder, other.name(), /*follow_symlink=*/true);
    target ? narrow_to(*target, ours, usual) : (void)::fchmod(ours, usual);
  }
}

}  // namespace

Temporary Temporary::create(const Place& place, Rights rights) {
  struct ::stat old {};
  const bool replaces = look_at(place, old);
  if (replaces && !S_ISREG(old.st_mode) && !S_ISLNK(old.st_mode))
    throw Error({.code = Code::not_a_file,
                 .reason = S_ISDIR(old.st_mode) ? "a folder stands there"
                                                : "a device, pipe or socket stands there",
                 .advice = "Give the path of a regular file.",
                 .path = place.path()});
  // What replaces a file is nobody else's to read until it has that file's rights.
  const bool link = replaces && S_ISLNK(old.st_mode) && rights == Rights::usual;
  const auto folder = static_cast<int>(place.native());
  mode_t usual = link ? usual_mode(folder) : 0;
  const bool alone = (replaces && !link) || usual != 0 || rights == Rights::own;
  const std::size_t limit = name_limit(folder);
  int error = EEXIST;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    Temporary temporary(place);
    temporary.name_ =
        make_temporary_name(place.name(), static_cast<std::uint64_t>(::getpid()), limit);
    const int descriptor = ::openat(folder, temporary.name_.c_str(),
                                    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                                    alone ? owner_alone : everyone);
    if (descriptor < 0) {
      error = errno;
      if (error == EINTR) continue;  // a server may have made it all the same: removed on the way
      temporary.name_.clear();
      if (error == EEXIST) continue;
      break;
    }
    temporary.handle_ = descriptor;
    if (!claim(descriptor)) continue;
    // This file tells the usual mode, where no file without a name did. Nothing is in it yet.
    if (link && usual == 0 && ::fstat(descriptor, &old) == 0 &&
        ::fchmod(descriptor, owner_alone) == 0)
      usual = old.st_mode & 07777;
    temporary.usual_mode_ = usual;
    return temporary;
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
  if (!again || remove() || errno == ENOENT) return;
  look_again(place_->folder());  // the next save tries again
}

void Temporary::keep_attributes() {
  keep(*place_, static_cast<int>(handle_), usual_mode_, Carry::rights);
}

void Temporary::keep_attributes(const Place& other) {
  keep(other, static_cast<int>(handle_), usual_mode_, Carry::attributes);
}

void Temporary::take_attributes(const File& from) {
  if (const auto source = AttributeSource::of(static_cast<int>(from.native())))
    (void)carry_attributes(*source, static_cast<int>(handle_), Carry::all);
}

bool close_to_others(const Output& file) noexcept {
  struct ::stat found {};
  const auto descriptor = static_cast<int>(file.native());
  return ::fstat(descriptor, &found) == 0 && ::fchmod(descriptor, found.st_mode & S_IRWXU) == 0;
}

bool carry_rights(const File& from, const Output& to) {
  const auto source = AttributeSource::of(static_cast<int>(from.native()));
  return source && carry_attributes(*source, static_cast<int>(to.native()), Carry::rights);
}

void Temporary::put_in_place_as(const std::string& name) {
  refuse_lost();
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
    raise_change(error, "put the new file in place", *place_);
  }
  name_.clear();
  close();
}

}  // namespace tensorhold::os
