// Filesystems of a test's own, for tests that run as root: each is unmounted at the end.
#pragma once

#include <sys/mount.h>

#include <filesystem>
#include <string>

#include "scratch.hpp"

namespace tensorhold::test {

class Mounted {
 public:
  /// False from mounted() where it is refused.
  Mounted(const std::string& what, const std::string& where, const char* kind, unsigned long flags,
          const std::string& options = {})
      : where_(where),
        mounted_(::mount(what.c_str(), where.c_str(), kind, flags, options.c_str()) == 0) {}
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  ~Mounted() {
    if (mounted_) (void)::umount2(where_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::string where_;
  bool mounted_;
};

}  // namespace tensorhold::test
