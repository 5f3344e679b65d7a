// Locks between cooperating users of a file.
#include "tensorhold/lock.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <type_traits>

#include "support/scratch.hpp"

namespace tensorhold {
namespace {

using std::chrono::milliseconds;
using test::Scratch;

static_assert(!std::is_copy_constructible_v<FileLock>);
static_assert(std::is_nothrow_move_constructible_v<FileLock>);

class LockTest : public ::testing::Test {
 protected:
  LockTest() { test::write_file(path_, "bytes"); }
  [[nodiscard]] bool free() const { return try_lock_exclusive(path_).has_value(); }
  Scratch scratch_;
  std::string path_ = scratch_ / "f";
};

TEST_F(LockTest, AnExclusiveOneKeepsAllOthersAway) {
  const FileLock lock = lock_exclusive(path_);
  EXPECT_TRUE(lock.owns());
  EXPECT_EQ(lock.path(), path_);
  EXPECT_EQ(try_lock_shared(path_).error().code(), Code::lock_conflict);
  EXPECT_EQ(try_lock_exclusive(path_).error().code(), Code::lock_conflict);
}

TEST_F(LockTest, SharedOnesKeepAwayOnlyExclusiveOnes) {
  const FileLock one = lock_shared(path_);
  const FileLock two = lock_shared(path_);
  EXPECT_EQ(try_lock_exclusive(path_).error().code(), Code::lock_conflict);
}

TEST_F(LockTest, EndsWithItsObject) {
  {
    const FileLock lock = lock_exclusive(path_);
    EXPECT_FALSE(free());
  }
  EXPECT_TRUE(free());
  FileLock lock = lock_exclusive(path_);
  lock.unlock();
  EXPECT_FALSE(lock.owns());
  EXPECT_EQ(lock.path(), "");
  EXPECT_TRUE(free());
}

TEST_F(LockTest, MovesWithoutEnding) {
  FileLock first = lock_exclusive(path_);
  FileLock second = std::move(first);
  EXPECT_FALSE(free());
  second = FileLock();
  EXPECT_TRUE(free());
}

TEST_F(LockTest, ReadingTheFileDoesNotEndIt) {
  const FileLock lock = lock_exclusive(path_);
  EXPECT_EQ(test::read_file(path_), "bytes");
  EXPECT_FALSE(free());
}

TEST_F(LockTest, WaitsForOthers) {
  FileLock lock = lock_exclusive(path_);
  std::atomic<bool> ended = false;
  std::thread other([&] {
    std::this_thread::sleep_for(milliseconds(30));
    ended = true;
    lock.unlock();
  });
  const FileLock mine = lock_exclusive(path_, milliseconds::max());
  EXPECT_TRUE(ended);
  EXPECT_TRUE(mine.owns());
  other.join();
}

TEST_F(LockTest, GivesUpAtTheDeadline) {
  const FileLock lock = lock_shared(path_);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(try_lock_exclusive(path_, milliseconds(40)).error().code(), Code::lock_conflict);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(40));
}

TEST_F(LockTest, OfAFileThatIsNotThereOrNoFile) {
  EXPECT_EQ(try_lock_shared(scratch_ / "nobody").error().code(), Code::not_found);
  EXPECT_EQ(try_lock_shared("").error().code(), Code::invalid_argument);
  EXPECT_EQ(try_lock_shared(scratch_.folder()).error().code(), Code::not_a_file);
  EXPECT_THROW((void)lock_exclusive(scratch_ / "nobody"), Error);
  EXPECT_EQ(scratch_.names(), std::vector<std::string>{"f"});
}

// Each adds 1 to a number in the file many times; without the lock some additions get lost.
TEST_F(LockTest, KeepsThreadsApart) {
  constexpr int additions = 50;
  test::write_file(path_, "0");
  const auto add = [&] {
    for (int i = 0; i < additions; ++i) {
      const FileLock lock = lock_exclusive(path_, milliseconds::max());
      test::write_file(path_, std::to_string(std::stoi(test::read_file(path_)) + 1));
    }
  };
  std::thread one(add);
  std::thread two(add);
  one.join();
  two.join();
  EXPECT_EQ(test::read_file(path_), std::to_string(2 * additions));
}

}  // namespace
}  // namespace tensorhold
