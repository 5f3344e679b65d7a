#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "os/posix_error.hpp"
#include "os/remove.hpp"
#include "os/temporary_name.hpp"
#include "os/write.hpp"
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
    raise_change(errno, "remove the file", path, folder);
}

std::string move_aside(const std::string& path) {
  refuse_folder(path);
  const std::size_t slash = path.rfind('/');
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  std::string aside =
      path.substr(0, name) + make_temporary_name(std::string_view(path).substr(name),
                                                 static_cast<std::uint64_t>(::getpid()));
  if (::rename(path.c_str(), aside.c_str()) != 0) raise_system(errno, "move the file aside", path);
  return aside;
}

}  // namespace tensorhold::os
