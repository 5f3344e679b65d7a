// What --sharing, --deny-write and --scanner-us refuse, and until when.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "support/lockfs.hpp"

namespace tensorhold::test {
namespace {

// 0, or the errno of the call that returned `result`.
int error_of(int result) { return result < 0 ? errno : 0; }
int error_of_open(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), flags, 0644);
  const int error = error_of(file);
  if (file >= 0) (void)::close(file);
  return error;
}

class Sharing : public ::testing::Test {
 protected:
  void SetUp() override {
    TENSORHOLD_NEEDS_LOCKFS();
    fs.emplace(std::vector<std::string>{"--sharing"});
    path = *fs / "held";
    other = *fs / "other";
    write_file(path, std::string(10'000, 'a'));
    write_file(other, "other");
  }
  void expect_refused() const {
    EXPECT_EQ(error_of(::unlink(path.c_str())), EACCES);
    EXPECT_EQ(error_of(::rename(other.c_str(), path.c_str())), EACCES);
    EXPECT_EQ(error_of(::truncate(path.c_str(), 1)), EBUSY);
    EXPECT_EQ(error_of_open(path, O_WRONLY | O_TRUNC), EBUSY);
    EXPECT_EQ(read_file(path), std::string(10'000, 'a'));
  }
  void expect_free() const {
    EXPECT_EQ(error_of(::truncate(path.c_str(), 1)), 0);
    EXPECT_EQ(error_of_open(path, O_WRONLY | O_TRUNC), 0);
    EXPECT_EQ(error_of(::rename(other.c_str(), path.c_str())), 0);
    EXPECT_EQ(error_of(::unlink(path.c_str())), 0);
  }
  void* map(int length, int protection = PROT_READ, int flags = MAP_SHARED) const {
    const int file = ::open(path.c_str(), O_RDONLY);
    void* mapped = ::mmap(nullptr, static_cast<std::size_t>(length), protection, flags, file, 0);
    (void)::close(file);
    return mapped;
  }

  std::optional<LockFs> fs;
  std::string path;
  std::string other;
};

TEST_F(Sharing, AFileThatNobodyHasIsFree) { expect_free(); }

TEST_F(Sharing, AHandleHoldsUntilItIsClosed) {
  const int file = ::open(path.c_str(), O_RDONLY);
  ASSERT_GE(file, 0);
  EXPECT_EQ(fs->stats("held").held, 1U);
  EXPECT_EQ(fs->stats("held").closed, 0U);
  expect_refused();
  (void)::close(file);
  EXPECT_EQ(fs->stats("held").held, 0U);
  expect_free();
}

TEST_F(Sharing, AMappingHoldsAfterItsHandleUntilMunmap) {
  for (const int flags : {MAP_SHARED, MAP_PRIVATE}) {
    void* const mapped = map(10'000, PROT_READ, flags);
    ASSERT_NE(mapped, MAP_FAILED);
    EXPECT_EQ(static_cast<const char*>(mapped)[9'999], 'a');
    EXPECT_EQ(fs->stats("held").held, 1U);
    EXPECT_EQ(fs->stats("held").closed, 1U);
    expect_refused();
    ASSERT_EQ(::munmap(mapped, 10'000), 0);
    EXPECT_EQ(fs->stats("held").held, 0U);
    EXPECT_EQ(fs->stats("held").closed, 0U);
  }
  expect_free();
}

TEST_F(Sharing, OnePageThatIsLeftOfAMappingHolds) {
  void* const mapped = map(10'000);
  ASSERT_NE(mapped, MAP_FAILED);
  ASSERT_EQ(::munmap(mapped, 4096), 0);
  expect_refused();
  ASSERT_EQ(::munmap(static_cast<char*>(mapped) + 4096, 10'000 - 4096), 0);
  expect_free();
}

TEST_F(Sharing, MemoryMovedOverAMappingEndsTheHold) {
  void* const mapped = map(8192);
  ASSERT_NE(mapped, MAP_FAILED);
  void* const memory =
      ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(::mremap(memory, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, mapped), mapped);
  expect_free();
  ASSERT_EQ(::munmap(mapped, 8192), 0);
}

TEST_F(Sharing, ANameIsFreeRightAfterTheLastMunmapEveryTime) {
  for (int round = 0; round < 1000; ++round) {
    write_file(path, "again");
    void* const mapped = map(5);
    ASSERT_NE(mapped, MAP_FAILED);
    ASSERT_EQ(error_of(::unlink(path.c_str())), EACCES) << round;
    ASSERT_EQ(::munmap(mapped, 5), 0);
    ASSERT_EQ(error_of(::unlink(path.c_str())), 0) << round;
  }
}

TEST_F(Sharing, AHoldFollowsTheFileToItsOtherNames) {
  const std::string link = *fs / "link";
  ASSERT_EQ(::link(path.c_str(), link.c_str()), 0);
  const int file = ::open(link.c_str(), O_RDONLY);
  ASSERT_GE(file, 0);
  EXPECT_EQ(error_of(::unlink(path.c_str())), EACCES);
  // Away from its name a held file may move, as with share-delete handles.
  const std::string moved = *fs / "moved";
  EXPECT_EQ(error_of(::rename(link.c_str(), moved.c_str())), 0);
  EXPECT_EQ(error_of(::unlink(moved.c_str())), EACCES);
  (void)::close(file);
  EXPECT_EQ(error_of(::unlink(moved.c_str())), 0);
}

TEST_F(Sharing, GrowingAndWritingAreAllowedAndShrinkingByTheOnlyHandle) {
  const int file = ::open(path.c_str(), O_RDWR);
  ASSERT_GE(file, 0);
  EXPECT_EQ(error_of(::truncate(path.c_str(), 20'000)), 0);
  EXPECT_EQ(::pwrite(file, "b", 1, 0), 1);
  EXPECT_EQ(error_of(::ftruncate(file, 5)), 0);
  (void)::close(file);
  EXPECT_EQ(read_file(path), "baaaa");
}

TEST_F(Sharing, CanBeSwitchedOffAndOnWhileAFileIsHeld) {
  void* const mapped = map(10'000);
  ASSERT_NE(mapped, MAP_FAILED);
  EXPECT_EQ(error_of(::unlink(path.c_str())), EACCES);
  fs->set("sharing", "off");
  EXPECT_EQ(error_of(::unlink(path.c_str())), 0);
  EXPECT_EQ(static_cast<const char*>(mapped)[5], 'a');
  EXPECT_EQ(::munmap(mapped, 10'000), 0);
}

TEST_F(Sharing, DenyWriteRefusesToOpenAHeldFileToWriteOnly) {
  fs->set("deny-write");
  EXPECT_EQ(error_of_open(path, O_WRONLY), 0);
  void* const mapped = map(10'000);
  ASSERT_NE(mapped, MAP_FAILED);
  EXPECT_EQ(error_of_open(path, O_WRONLY), ETXTBSY);
  EXPECT_EQ(error_of_open(path, O_RDWR), ETXTBSY);
  EXPECT_EQ(error_of_open(path, O_RDONLY), 0);
  ASSERT_EQ(::munmap(mapped, 10'000), 0);
  EXPECT_EQ(error_of_open(path, O_WRONLY), 0);
}

TEST_F(Sharing, AScannerKeepsAFileAfterItWasClosed) {
  constexpr std::uint64_t hour_us = 3'600'000'000;
  fs->set("scanner-us", hour_us);
  (void)read_file(path);
  (void)read_file(other);
  EXPECT_EQ(error_of(::unlink(path.c_str())), EACCES);
  EXPECT_EQ(error_of(::truncate(path.c_str(), 1)), EBUSY);
  EXPECT_EQ(error_of(::rename(other.c_str(), (*fs / "elsewhere").c_str())), EACCES);
  // It ends by itself: nothing but time passes until the unlink succeeds.
  fs->set("scanner-us", 20'000);
  int error = EACCES;
  for (int tries = 0; tries < 2000 && error == EACCES; ++tries) {
    error = error_of(::unlink(path.c_str()));
    if (error == EACCES) ::usleep(5000);
  }
  EXPECT_EQ(error, 0);
}

}  // namespace
}  // namespace tensorhold::test
