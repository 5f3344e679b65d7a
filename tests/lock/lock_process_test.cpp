// Locks between processes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <functional>

#include "support/child_posix.hpp"
#include "support/helper_posix.hpp"
#include "support/scratch.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using std::chrono::milliseconds;
using test::Helper;
using test::Scratch;

class LockProcess : public ::testing::Test {
 protected:
  LockProcess() { test::write_file(path_, "bytes"); }
  Scratch scratch_;
  std::string path_ = scratch_ / "f";
};

TEST_F(LockProcess, KeepsOutOthersAndNamesWhoHasIt) {
  Helper helper([&] {
    new FileLock(lock_exclusive(path_));
    return true;
  });
  ASSERT_TRUE(helper.ready());
  const Result<FileLock> refused = try_lock_shared(path_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::lock_conflict);
#ifdef __linux__
  ASSERT_EQ(refused.error().holders().size(), 1U);
  EXPECT_EQ(refused.error().holders()[0].pid, helper.pid());
  EXPECT_FALSE(refused.error().holders()[0].own);
#endif
  helper.end();
  EXPECT_TRUE(lock_exclusive(path_).owns()) << "a killed process has no locks";
}

TEST_F(LockProcess, AForkedChildDoesNotHaveIt) {
  FileLock lock = lock_exclusive(path_);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (try_lock_shared(path_)) return "the child got past the lock";
    lock.unlock();
    return try_lock_shared(path_) ? "the child ended the lock" : "";
  }));
  EXPECT_FALSE(try_lock_shared(path_)) << "the end of the child ended the lock";
  // A child that lives on with a copy of the handle does not keep it up either.
  Helper helper([] { return true; });
  ASSERT_TRUE(helper.ready());
  lock.unlock();
  EXPECT_TRUE(try_lock_exclusive(path_));
}

TEST_F(LockProcess, IsOfTheFileThatStandsThereInTheEnd) {
  // The lock is waited for on the old file, and had on the one that replaced it meanwhile.
  FileLock old = lock_exclusive(path_);
  test::write_file(scratch_ / "new", "new");
  Helper helper([&] {
    std::filesystem::rename(scratch_ / "new", path_);
    return true;
  });
  ASSERT_TRUE(helper.ready());
  const FileLock mine = lock_exclusive(path_);
  EXPECT_TRUE(mine.owns());
  EXPECT_FALSE(try_lock_shared(path_));
}

TEST_F(LockProcess, AnExclusiveOneNeedsTheRightToWrite) {
  std::filesystem::permissions(path_, std::filesystem::perms::others_read |
                                          std::filesystem::perms::group_read |
                                          std::filesystem::perms::owner_read);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!test::drop_root()) return "skip: cannot give up root";
    std::error_code hidden;
    if (!std::filesystem::exists(path_, hidden)) return "skip: the folder is closed to others";
    if (!try_lock_shared(path_)) return "no shared lock";
    const Result<FileLock> refused = try_lock_exclusive(path_);
    return !refused && refused.error().code() == Code::permission_denied ? "" : "not refused";
  }));
}

#ifdef __linux__
int leased = -1;

// A file server, as others see it: it gives up its lease on the file when somebody opens that.
bool lease(const std::string& path, int kind) {
  (void)::signal(SIGIO, [](int) { (void)::fcntl(leased, F_SETLEASE, F_UNLCK); });
  leased = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  return leased >= 0 && ::fcntl(leased, F_SETLEASE, kind) == 0;
}

TEST_F(LockProcess, WaitsForTheEndOfALeaseAndSoDoEdits) {
  const std::uint64_t shape = 4;
  const std::array<std::byte, 4> old{};
  const std::array<std::byte, 4> bytes{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  const SaveTensor tensor("w", Dtype::u8, {&shape, 1}, old);
  save(path_, {&tensor, 1});
  const auto under = [&](int kind, const std::function<void()>& work) {
    const Helper server([&] { return lease(path_, kind); });
    if (!server.ready()) return false;
    EXPECT_NO_THROW(work());
    return true;
  };
  if (!under(F_RDLCK, [&] { (void)lock_exclusive(path_); })) GTEST_SKIP() << "no leases here";
  EXPECT_TRUE(under(F_WRLCK, [&] { (void)lock_shared(path_); }));
  EXPECT_TRUE(under(F_RDLCK, [&] { (void)overwrite(path_, "w", bytes); }));
  EXPECT_TRUE(under(F_WRLCK, [&] {
    const Tensor now = open(path_)["w"].copy();
    EXPECT_TRUE(test::same_bytes(now.bytes(), bytes));
  }));
}
#endif

// Two processes and one number in a file: without the lock some additions get lost.
TEST_F(LockProcess, KeepsProcessesApart) {
  constexpr int additions = 50;
  test::write_file(path_, "0");
  const auto add = [&] {
    for (int i = 0; i < additions; ++i) {
      const FileLock lock = lock_exclusive(path_, milliseconds::max());
      test::write_file(path_, std::to_string(std::stoi(test::read_file(path_)) + 1));
    }
  };
  const pid_t child = ::fork();
  if (child == 0) {
    add();
    ::_exit(0);
  }
  ASSERT_GT(child, 0);
  add();
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(test::read_file(path_), std::to_string(2 * additions));
}

}  // namespace
}  // namespace tensorhold
