// Opens that take a shared lock.
#include <gtest/gtest.h>

#include <optional>

#include "support/one_tensor.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

class OpenLock : public ::testing::TestWithParam<Access> {
 protected:
  [[nodiscard]] File load() const { return open(path_, {.access = GetParam(), .lock = true}); }
  [[nodiscard]] bool free() const { return try_lock_exclusive(path_).has_value(); }
  const test::OneTensor made_{Dtype::u8, {100'000}, Access::owned};
  const std::string path_ = made_.path;
};

TEST_P(OpenLock, KeepsExclusiveLocksAwayAndOtherOpensNot) {
  const File file = load();
  const File other = load();
  EXPECT_FALSE(free());
  EXPECT_EQ(file["w"].copy().nbytes(), 100'000U);
}

TEST_P(OpenLock, EndsWithTheFileWhenNoTensorNeedsIt) {
  File file = load();
  Tensor tensor = file["w"];
  file = File();
  EXPECT_FALSE(free());  // mapped, or not read yet
  tensor = Tensor();
  EXPECT_TRUE(free());
}

TEST_P(OpenLock, EndsWithARelease) {
  const File file = load();
  const Tensor tensor = file["w"];
  const Result<Released> released = try_release(path_);
  if (!released && released.error().code() == Code::release_unsupported)
    GTEST_SKIP() << released.error().what();
  EXPECT_TRUE(released);
  EXPECT_TRUE(free());
}

TEST_P(OpenLock, WaitsOrRefusesWhileOthersEdit) {
  FileLock edit = lock_exclusive(path_);
  const Result<File> refused = try_open(path_, {.access = GetParam(), .lock = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::lock_conflict);
  EXPECT_TRUE(try_open(path_, {.access = GetParam()}));
  edit.unlock();
  EXPECT_TRUE(try_open(path_, {.access = GetParam(), .lock = true}));
}

TEST_P(OpenLock, RefusesWhatHasNoPath) {
  const std::string bytes = test::read_file(path_);
  try {
    (void)open_bytes(std::as_bytes(std::span(bytes)), nullptr, {.lock = true});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::invalid_argument);
  }
  EXPECT_EQ(try_open(path_ + ".no", {.lock = true}).error().code(), Code::not_found);
}

INSTANTIATE_TEST_SUITE_P(Both, OpenLock, ::testing::Values(Access::mapped, Access::owned),
                         [](const auto& access) { return test::name_of(access); });

}  // namespace
}  // namespace tensorhold
