// Who holds a file, over real processes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "os/file/mapping.hpp"
#include "os/holders/holders.hpp"
#include "os/lock/lock.hpp"
#include "support/child_posix.hpp"
#include "support/helper_posix.hpp"
#include "support/scratch.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using test::Helper;
using test::Scratch;

const ProcessHold* find(const HolderScan& scan, std::int64_t pid) {
  const auto found = std::ranges::find(scan.holds, pid, &ProcessHold::pid);
  return found == scan.holds.end() ? nullptr : &*found;
}

/// Opens and maps a file, and leaves it so; for helpers.
bool map_and_leave(const std::string& path, bool keep_open) {
  const int file = ::open(path.c_str(), O_RDONLY);
  if (file < 0) return false;
  const bool good = ::mmap(nullptr, 5000, PROT_READ, MAP_PRIVATE, file, 0) != MAP_FAILED;
  if (!keep_open) (void)::close(file);
  return good;
}

class Holders : public ::testing::Test {
 protected:
  Holders() { test::write_file(path_, std::string(10'000, 'x')); }
  Scratch scratch_;
  // A newline and what looks like the end of a line of maps are ordinary parts of a name.
  std::string path_ = scratch_ / "a name\n00-11 r--p 0 00:00 1 (deleted)";
};

TEST_F(Holders, AnotherProcessThatMaps) {
  Helper helper([&] { return map_and_leave(path_, false); });
  ASSERT_TRUE(helper.ready());
  const File file = File::open_read(path_);
  HolderScan scan = scan_holders(file);
  EXPECT_TRUE(scan.looked);
  const ProcessHold* hold = find(scan, helper.pid());
  ASSERT_NE(hold, nullptr);
  EXPECT_EQ(hold->mapped_bytes, 8192U);
  EXPECT_EQ(hold->handles, 0U);
  EXPECT_FALSE(hold->locks);
  EXPECT_FALSE(hold->command.empty());
  helper.end();
  EXPECT_EQ(find(scan_holders(file), helper.pid()), nullptr);
}

TEST_F(Holders, OneThatOnlyOpensAndOneThatLocks) {
  Helper opens([&] { return ::open(path_.c_str(), O_RDONLY) >= 0; });
  Helper locks([&] {
    new Lock(*Lock::take(path_, LockMode::shared, {}));
    return true;
  });
  Helper names([&] { return ::open(path_.c_str(), O_PATH) >= 0; });
  ASSERT_TRUE(opens.ready() && locks.ready() && names.ready());
  const HolderScan scan = scan_holders(File::open_read(path_));
  ASSERT_NE(find(scan, opens.pid()), nullptr);
  EXPECT_EQ(find(scan, opens.pid())->handles, 1U);
  EXPECT_EQ(find(scan, opens.pid())->mapped_bytes, 0U);
  EXPECT_FALSE(find(scan, opens.pid())->locks);
  ASSERT_NE(find(scan, locks.pid()), nullptr);
  EXPECT_TRUE(find(scan, locks.pid())->locks);
  EXPECT_EQ(find(scan, names.pid()), nullptr);
}

TEST_F(Holders, OfADeletedFileAndOfTheOneThatTookItsName) {
  const File old = File::open_read(path_);
  Helper helper([&] { return map_and_leave(path_, true); });
  ASSERT_TRUE(helper.ready());
  std::filesystem::remove(path_);
  test::write_file(path_, std::string(10'000, 'y'));
  const HolderScan scan = scan_holders(old);
  ASSERT_NE(find(scan, helper.pid()), nullptr);
  // What it opened, and what it inherited from us.
  EXPECT_EQ(find(scan, helper.pid())->handles, 2U);
  EXPECT_EQ(find(scan_holders(File::open_read(path_)), helper.pid()), nullptr);
}

TEST_F(Holders, ThisProcessAndNothingOfTheScanItself) {
  const File file = File::open_read(path_);
  HolderScan scan = scan_holders(file);
  ASSERT_NE(find(scan, ::getpid()), nullptr);
  EXPECT_EQ(find(scan, ::getpid())->handles, 1U);
  EXPECT_EQ(find(scan, ::getpid())->mapped_bytes, 0U);
  const Mapping mapping = Mapping::map(file, 10'000, Protection::read_only);
  scan = scan_holders(file);
  EXPECT_EQ(find(scan, ::getpid())->mapped_bytes, 12'288U);
}

TEST_F(Holders, ProcessesThatMayNotBeLookedIntoAreCounted) {
  Helper helper([&] { return map_and_leave(path_, false); });
  ASSERT_TRUE(helper.ready());
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (::geteuid() != 0) return "skip: needs root to become somebody else";
    std::filesystem::permissions(path_, std::filesystem::perms::all);
    const File file = File::open_read(path_);
    if (!test::drop_root()) return "skip: cannot give up root";
    const HolderScan scan = scan_holders(file);
    if (!scan.looked) return "did not look";
    if (find(scan, helper.pid()) != nullptr) return "saw what it may not see";
    return scan.closed_processes > 0 ? "" : "does not tell that it could not see";
  }));
}

TEST_F(Holders, WhileProcessesComeAndGo) {
  const File file = File::open_read(path_);
  std::atomic<bool> stop = false;
  std::thread churn([&] {
    while (!stop) {
      const pid_t child = ::fork();
      if (child == 0) ::_exit(0);
      if (child > 0) (void)::waitpid(child, nullptr, 0);
    }
  });
  for (int i = 0; i < 20; ++i) {
    const HolderScan scan = scan_holders(file);
    EXPECT_NE(find(scan, ::getpid()), nullptr);
  }
  stop = true;
  churn.join();
}

TEST_F(Holders, AnEmptyFileCanBeOpenOnly) {
  test::write_file(path_, "");
  const File file = File::open_read(path_);
  const HolderScan scan = scan_holders(file);
  ASSERT_NE(find(scan, ::getpid()), nullptr);
  EXPECT_EQ(find(scan, ::getpid())->handles, 1U);
}

TEST_F(Holders, TheProofSeesEveryHold) {
  const Identity which = status_at(path_)->identity;
  if (prove_held(path_, which) == HoldProof::unknown)
    GTEST_SKIP() << "no leases on this filesystem";
  EXPECT_EQ(prove_held(path_, which), HoldProof::free);
  {
    const File file = File::open_read(path_);
    EXPECT_EQ(prove_held(path_, which), HoldProof::held);
  }
  EXPECT_EQ(prove_held(path_, which), HoldProof::free);
  {
    const Mapping mapping = Mapping::map(File::open_read(path_), 10'000, Protection::read_only);
    EXPECT_EQ(prove_held(path_, which), HoldProof::held);
  }
  Helper helper([&] { return map_and_leave(path_, false); });
  ASSERT_TRUE(helper.ready());
  EXPECT_EQ(prove_held(path_, which), HoldProof::held);
  helper.end();
  EXPECT_EQ(prove_held(path_, which), HoldProof::free);
}

TEST_F(Holders, TheProofIsOfOneFileOnly) {
  const Identity which = status_at(path_)->identity;
  test::write_file(scratch_ / "other", "bytes");
  EXPECT_EQ(prove_held(scratch_ / "other", which), HoldProof::unknown);
  EXPECT_EQ(prove_held(scratch_ / "nobody", which), HoldProof::unknown);
  EXPECT_EQ(prove_held(scratch_.folder().string(), which), HoldProof::unknown);
  EXPECT_EQ(prove_held("", which), HoldProof::unknown);
}

TEST_F(Holders, TheProofIsNoDangerToThisProcessWhileOthersOpen) {
  const Identity which = status_at(path_)->identity;
  std::atomic<bool> stop = false;
  std::thread opener([&] {
    while (!stop) (void)File::open_read(path_);
  });
  for (int i = 0; i < 2000; ++i) (void)prove_held(path_, which);
  stop = true;
  opener.join();
}

}  // namespace
}  // namespace tensorhold::os
