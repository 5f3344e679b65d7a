// A second filesystem, for what moves from one to another.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "scratch.hpp"

namespace tensorhold::test {

/// A folder on another filesystem than Scratch's.
class Elsewhere {
 public:
  explicit Elsewhere(const Scratch& scratch)
      : folder_(std::filesystem::path("/dev/shm") / scratch.folder().filename()) {
    std::error_code none;
    made_ = std::filesystem::create_directory(folder_, none) &&
            device_of(folder_) != device_of(scratch.folder());
  }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;
  ~Elsewhere() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  [[nodiscard]] bool made() const { return made_; }
  [[nodiscard]] std::string operator/(const std::string& name) const {
    return (folder_ / name).string();
  }

 private:
  static dev_t device_of(const std::filesystem::path& path) {
    struct ::stat found {};
    return ::stat(path.c_str(), &found) == 0 ? found.st_dev : 0;
  }

  std::filesystem::path folder_;
  bool made_ = false;
};

}  // namespace tensorhold::test
