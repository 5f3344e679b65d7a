// Where the story is told (tests/story/story_test.cpp): on the system's own filesystem, whatever it
// allows, or, with TENSORHOLD_LOCKFS, on lockfs, which refuses to change what is held.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>

#include "tensorhold/tensorhold.hpp"
#if defined(TENSORHOLD_LOCKFS)
#include "support/lockfs.hpp"
#else
#include "support/scratch.hpp"
#endif

namespace tensorhold::test {

/// What others do with a file, without the library. False: refused.
inline bool others_truncate(const std::string& path, std::uint64_t bytes) {
  std::error_code refused;
  std::filesystem::resize_file(path, bytes, refused);
  return !refused;
}
inline bool others_delete(const std::string& path) {
  std::error_code refused;
  return std::filesystem::remove(path, refused) && !refused;
}

#if defined(TENSORHOLD_LOCKFS)

class StoryPlace {
 public:
  static constexpr std::array accesses{Access::mapped, Access::automatic};
  static std::string unavailable() { return LockFs::unavailable(); }
  [[nodiscard]] std::filesystem::path folder() const { return fs_.path(); }
  /// The system refuses others what it refuses them while the file is held.
  void expect_held(const std::string& path) const {
    EXPECT_FALSE(others_delete(path));
    EXPECT_FALSE(others_truncate(path, 0));
  }
  void expect_nothing_held() const { EXPECT_EQ(fs_.stats().held, 0U); }
  /// From now on the system refuses nothing.
  void allow_all() const { fs_.set("sharing", "off"); }

 private:
  LockFs fs_{{"--sharing"}};
};

#else

class StoryPlace {
 public:
  static constexpr std::array accesses{Access::mapped, Access::owned};
  static std::string unavailable() { return ""; }
  [[nodiscard]] std::filesystem::path folder() const { return scratch_.folder(); }
  void expect_held(const std::string& path) const { EXPECT_FALSE(holders(path).empty()); }
  void expect_nothing_held() const {}
  void allow_all() const {}

 private:
  Scratch scratch_;
};

#endif

}  // namespace tensorhold::test
