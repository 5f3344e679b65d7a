#include "os/replace/names_posix.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "os/error/error_posix.hpp"
#include "os/leftovers/temporary_name.hpp"

namespace tensorhold::os {
namespace {

bool is_mount_point(int folder, const char* name) noexcept {
#if defined(STATX_ATTR_MOUNT_ROOT)
  struct ::statx found {};
  return ::statx(folder, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &found) == 0 &&
         (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
#else
  (void)folder;
  (void)name;
  return false;
#endif
}

}  // namespace

std::size_t name_limit(int folder) noexcept {
  const long limit = ::fpathconf(folder, _PC_NAME_MAX);
  if (limit <= 0 || static_cast<std::size_t>(limit) > usual_name_limit) return usual_name_limit;
  return static_cast<std::size_t>(limit);
}

void refuse_mount_point(int error, std::string_view action, const Place& place) {
  if (error != EBUSY || !is_mount_point(static_cast<int>(place.native()), place.name().c_str()))
    return;
  throw Error({.code = Code::permission_denied,
               .reason = "cannot " + std::string(action) +
                         ": the file is a mount point (containers mount single files so), and the "
                         "system does not let a mount point be renamed, replaced or removed",
               .advice = "Work beside it, or have it unmounted; saves, edits and replacements can "
                         "write into the mounted file, with the option in_place (--in-place).",
               .path = place.path(),
               .os_error = error});
}

void raise_change(int error, std::string_view action, const Place& place) {
  refuse_mount_point(error, action, place);
  const bool writable =
      ::faccessat(static_cast<int>(place.native()), ".", W_OK | X_OK, AT_EACCESS) == 0;
  if (error != EACCES || !writable) raise_system(error, action, place.path());
  ErrorInfo info = system_error(EBUSY, action, place.path()).info();
  info.os_error = error;
  throw Error(std::move(info));
}

}  // namespace tensorhold::os
