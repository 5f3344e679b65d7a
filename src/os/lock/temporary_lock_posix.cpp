#include "os/lock/temporary_lock_posix.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace tensorhold::os {
namespace {

Locking outcome(int error) noexcept {
  if (error == EAGAIN || error == EWOULDBLOCK || error == EACCES) return Locking::busy;
  return Locking::unsupported;
}

}  // namespace

Locking try_lock_temporary(int descriptor, bool exclusive) noexcept {
#ifdef F_OFD_SETLK
  // One byte far beyond the end of any file, where no read or write ever asks for it.
  struct ::flock wanted {};
  wanted.l_type = static_cast<decltype(wanted.l_type)>(exclusive ? F_WRLCK : F_RDLCK);
  wanted.l_whence = SEEK_SET;
  wanted.l_start = off_t{1} << 62;
  wanted.l_len = 1;
  while (::fcntl(descriptor, F_OFD_SETLK, &wanted) != 0)
    if (errno != EINTR) return outcome(errno);
#else
  while (::flock(descriptor, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0)
    if (errno != EINTR) return outcome(errno);
#endif
  return Locking::taken;
}

}  // namespace tensorhold::os
