// Filesystems of a test's own, for tests that run as root: each is unmounted at the end.
#pragma once

#include <sched.h>
#include <sys/mount.h>

#include <string>
#include <utility>

namespace tensorhold::test {

/// In a child: mounts for nobody else. False: only root may.
inline bool own_mounts() {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

/// Mounted over an existing folder or file, gone with this.
class Mounted {
 public:
  /// False from mounted() where it is refused.
  Mounted(const std::string& what, std::string where, const char* kind, unsigned long flags,
          const std::string& options = {})
      : where_(std::move(where)),
        mounted_(::mount(what.c_str(), where_.c_str(), kind, flags, options.c_str()) == 0) {}
  /// A filesystem that is of nothing but its options, such as a tmpfs.
  Mounted(const char* kind, std::string where, const std::string& options)
      : Mounted("tensorhold-test", std::move(where), kind, 0, options) {}
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  ~Mounted() {
    if (mounted_) (void)::umount2(where_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return where_ + "/" + name; }

 private:
  std::string where_;
  bool mounted_;
};

}  // namespace tensorhold::test
