// lockfs: a folder shown as a filesystem that refuses what Windows refuses, or fails as asked.
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "lockfs/server/filesystem.hpp"

namespace tensorhold::lockfs {
namespace {

/// The function libfuse calls for `method`: finds the Filesystem, and turns a lack of memory, which
/// can only strike before the reply, into ENOMEM.
template <auto method>
struct Entry;
template <typename... Arguments, void (Filesystem::*method)(fuse_req_t, Arguments...)>
struct Entry<method> {
  static void call(fuse_req_t req, Arguments... arguments) {
    try {
      (static_cast<Filesystem*>(fuse_req_userdata(req))->*method)(req, arguments...);
    } catch (const std::bad_alloc&) {
      fuse_reply_err(req, ENOMEM);
    }
  }
};

/// A list of arguments for libfuse, freed at the end.
struct Arguments {
  fuse_args list = FUSE_ARGS_INIT(0, nullptr);
  Arguments() = default;
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
  ~Arguments() { fuse_opt_free_args(&list); }
};

/// Mounts with a standard error that leads nowhere for the helper which libfuse starts: it unmounts
/// what a killed lockfs leaves, and would complain each time when nothing is left.
bool mount_quietly(fuse_session* session, const std::string& mountpoint) {
  static int shown = -1;
  shown = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  const Descriptor nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (shown < 0 || !nowhere || ::dup2(nowhere.get(), STDERR_FILENO) < 0) return false;
  fuse_set_log_func([](fuse_log_level /*level*/, const char* format, va_list arguments) {
    (void)::vdprintf(shown, format, arguments);
  });
  const bool mounted = fuse_session_mount(session, mountpoint.c_str()) == 0;
  (void)::dup2(shown, STDERR_FILENO);
  return mounted;
}

int run(const CommandLine& line) {
  std::array<char, PATH_MAX> backing{};
  Descriptor root(::open(line.backing.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root || ::realpath(line.backing.c_str(), backing.data()) == nullptr) {
    std::perror("lockfs: folder");
    return 1;
  }
  // Every inode the kernel remembers costs a descriptor.
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
  }
  ::umask(0);

  Filesystem filesystem(line.switches, std::move(root), backing.data());
  Arguments arguments;
  const char* options = ::geteuid() == 0
                            ? "fsname=lockfs,auto_unmount,default_permissions,allow_other"
                            : "fsname=lockfs,default_permissions";
  if (fuse_opt_add_arg(&arguments.list, "lockfs") != 0 ||
      fuse_opt_add_arg(&arguments.list, "-o") != 0 ||
      fuse_opt_add_arg(&arguments.list, options) != 0)
    return 1;
  const std::unique_ptr<fuse_session, void (*)(fuse_session*)> session(
      fuse_session_new(&arguments.list, &Filesystem::operations(), sizeof(fuse_lowlevel_ops),
                       &filesystem),
      [](fuse_session* made) {
        if (made != nullptr) fuse_session_destroy(made);
      });
  if (!session || fuse_set_signal_handlers(session.get()) != 0) return 1;
  int status = 1;
  if (mount_quietly(session.get(), line.mountpoint)) {
    if (fuse_daemonize(line.background ? 0 : 1) == 0) {
      filesystem.start();
      status = fuse_session_loop(session.get()) < 0 ? 1 : 0;
      filesystem.finish();
    }
    fuse_session_unmount(session.get());
  }
  fuse_remove_signal_handlers(session.get());
  return status;
}

}  // namespace

const fuse_lowlevel_ops& Filesystem::operations() {
  static const fuse_lowlevel_ops table = [] {
    fuse_lowlevel_ops ops{};
    ops.init = [](void* user, fuse_conn_info* connection) {
      static_cast<Filesystem*>(user)->init(connection);
    };
    ops.lookup = Entry<&Filesystem::lookup>::call;
    ops.forget = Entry<&Filesystem::forget>::call;
    ops.mknod = Entry<&Filesystem::mknod>::call;
    ops.mkdir = Entry<&Filesystem::mkdir>::call;
    ops.symlink = Entry<&Filesystem::symlink>::call;
    ops.link = Entry<&Filesystem::link>::call;
    ops.unlink = Entry<&Filesystem::unlink>::call;
    ops.rmdir = Entry<&Filesystem::rmdir>::call;
    ops.rename = Entry<&Filesystem::rename>::call;
    ops.readlink = Entry<&Filesystem::readlink>::call;
    ops.getattr = Entry<&Filesystem::getattr>::call;
    ops.setattr = Entry<&Filesystem::setattr>::call;
    ops.statfs = Entry<&Filesystem::statfs>::call;
    ops.opendir = Entry<&Filesystem::opendir>::call;
    ops.readdir = Entry<&Filesystem::readdir>::call;
    ops.releasedir = Entry<&Filesystem::releasedir>::call;
    ops.fsyncdir = Entry<&Filesystem::fsyncdir>::call;
    ops.create = Entry<&Filesystem::create>::call;
    ops.open = Entry<&Filesystem::open>::call;
    ops.flush = Entry<&Filesystem::flush>::call;
    ops.release = Entry<&Filesystem::release>::call;
    ops.read = Entry<&Filesystem::read>::call;
    ops.write = Entry<&Filesystem::write>::call;
    ops.fsync = Entry<&Filesystem::fsync>::call;
    ops.fallocate = Entry<&Filesystem::fallocate>::call;
    return ops;
  }();
  return table;
}

}  // namespace tensorhold::lockfs

int main(int argc, char** argv) {
  try {
    const auto line = tensorhold::lockfs::parse_command_line(argc, argv);
    return line ? tensorhold::lockfs::run(*line) : 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lockfs: %s\n", error.what());
    return 1;
  }
}
