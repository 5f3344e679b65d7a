#include "os/error/error_posix.hpp"

#include <cerrno>
#include <utility>

namespace tensorhold::os {
namespace {

struct Words {
  Code code;
  std::string_view reason;
  std::string_view advice;
};

Words words_of(int error) noexcept {
  switch (error) {
    case ENOENT:
      return {Code::not_found, "nothing stands at this path",
              "Check the spelling, and that the folder exists."};
    case ENOTDIR:
      return {Code::not_found, "a part of the path is not a folder", "Check the path."};
    case ELOOP:
      return {Code::not_found, "symbolic links lead in a circle", "Repair the links."};
    case ENAMETOOLONG:
      return {Code::invalid_argument, "the path is longer than the system allows",
              "Use a shorter name, or change into the folder first."};
    case EACCES:
      return {Code::permission_denied, "permission was denied",
              "Check the permissions of the file and of every folder on the path."};
    case EPERM:
      return {Code::permission_denied, "the system does not permit it",
              "Check the owner of file and folder, immutable attributes, and security rules."};
    case EROFS:
      return {Code::permission_denied, "the filesystem is mounted read-only",
              "Choose a path on a writable filesystem."};
    case EISDIR:
      return {Code::not_a_file, "a folder stands there", "Give the path of a file."};
    case ENXIO:
    case ENODEV:
      return {Code::not_a_file, "a socket or a device without a driver stands there",
              "Give the path of a regular file."};
    case ENOSPC:
      return {Code::no_space, "the disk is full", "Free space on that filesystem, then try again."};
#ifdef EDQUOT
    case EDQUOT:
      return {Code::no_space, "the disk quota is used up",
              "Free space, or ask for a larger quota, then try again."};
#endif
    case EFBIG:
      return {
          Code::no_space, "the file would be longer than a limit allows",
          "Raise the limit of the process (ulimit -f), or choose a filesystem that has such long "
          "files."};
    case EMFILE:
      return {Code::too_many_open, "this process has too many open files",
              "Close files, or raise the limit (ulimit -n)."};
    case ENFILE:
      return {Code::too_many_open, "the system has too many open files",
              "Close files, or raise the system's limit."};
    case ENOMEM:
      return {Code::out_of_memory, "the system refused memory",
              "Free memory or raise the limit of the process, then try again."};
    case EBUSY:
    case ETXTBSY:
      return {Code::file_in_use, "others use the file", "Close it there, then try again."};
    case EEXIST:
    case ENOTEMPTY:
      return {Code::already_exists, "the name is taken", "Choose another name."};
    case ENOSYS:
    case EOPNOTSUPP:
#if ENOTSUP != EOPNOTSUPP
    case ENOTSUP:
#endif
    case EXDEV:
      return {Code::unsupported, "the filesystem cannot do it", "Choose another filesystem."};
    case EIO:
      return {Code::io_error, "the device or the network failed",
              "Check the disk and the connection (the system's log says more), then try again."};
    case ESTALE:
      return {Code::io_error, "the file is gone from its server",
              "Open it again; if that fails, mount the filesystem again."};
    default:
      return {Code::io_error, "the system reported a failure",
              "Check the filesystem, then try again."};
  }
}

}  // namespace

Code code_of(int error) noexcept { return words_of(error).code; }

Error system_error(int error, std::string_view action, const std::string& path,
                   std::optional<std::uint64_t> offset) {
  const Words words = words_of(error);
  ErrorInfo info;
  info.code = words.code;
  info.reason.append("cannot ").append(action).append(": ").append(words.reason);
  info.advice = words.advice;
  info.path = path;
  info.offset = offset;
  info.os_error = error;
  return Error(std::move(info));
}

void raise_system(int error, std::string_view action, const std::string& path,
                  std::optional<std::uint64_t> offset) {
  throw system_error(error, action, path, offset);
}

}  // namespace tensorhold::os
