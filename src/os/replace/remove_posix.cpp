#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "os/error/error_posix.hpp"
#include "os/file/descriptor_posix.hpp"
#include "os/leftovers/seen_folders.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "os/replace/names_posix.hpp"
#include "os/replace/place.hpp"
#include "os/replace/remove.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

void refuse_folder(const std::string& path) {
  struct ::stat status {};
  if (::lstat(path.c_str(), &status) != 0) raise_system(errno, "look at the path", path);
  if (S_ISDIR(status.st_mode)) raise_system(EISDIR, "remove the file", path);
}

}  // namespace

// Nobody holds a file in a way that goes away by itself: the first answer is the answer.
void remove_file(const std::string& path, Patience) {
  refuse_folder(path);
  const Place place = Place::of(path, /*follow_symlink=*/false);
  const auto folder = static_cast<int>(place.native());
  if (::unlinkat(folder, place.name().c_str(), 0) != 0)
    raise_change(errno, "remove the file", place);
}

std::string move_aside(const std::string& path) {
  refuse_folder(path);
  const Place place = Place::of(path, /*follow_symlink=*/false);
  const auto folder = static_cast<int>(place.native());
  const std::string aside =
      make_temporary_name(place.name(), static_cast<std::uint64_t>(::getpid()), name_limit(folder));
  if (::renameat(folder, place.name().c_str(), folder, aside.c_str()) != 0)
    raise_change(errno, "move the file aside", place);
  look_again(place.folder());
  return path.substr(0, path.size() - place.name().size()) + aside;
}

}  // namespace tensorhold::os
