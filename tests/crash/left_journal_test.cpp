// A journal that a killed edit left is followed into the file that the edit was for, and into no
// other that stands at the name by then: a newer one, one that was written anew, a copy.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <system_error>
#include <thread>

#include "../support/child_posix.hpp"
#include "../support/helper_posix.hpp"
#include "../support/journal.hpp"
#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "kill_at_syscall.hpp"
#include "tensorhold/edit.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::KillOutcome;
using test::read_file;
using test::Scratch;
using test::some_tensors;
using test::Tensors;
using test::write_file;
namespace fs = std::filesystem;

std::string file_of(const Tensors& tensors, const std::string& step) {
  const Scratch scratch;
  save(scratch / "f", tensors.list(), Metadata{{"step", step}}, {.reserve_header = 1000});
  return read_file(scratch / "f");
}

/// A folder where an edit of the file "f" was killed, after the journal had its name.
class LeftJournal : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    const std::string path = scratch_ / "f";
    const bool killed = test::kill_at_each_stop([&](unsigned stop) {
      write_file(path, old_);
      KillOutcome outcome = test::kill_at_syscall([&] { edit(path); }, stop);
      journal_ = test::journal_in(folder_);
      if (outcome.end == KillOutcome::End::killed && !journal_.empty())
        outcome.end = KillOutcome::End::finished;  // far enough
      return outcome;
    });
    if (!killed) return;
    ASSERT_FALSE(journal_.empty());
    ASSERT_EQ(read_file(path), old_);
  }

  [[nodiscard]] static bool of_metadata() { return GetParam(); }
  void edit(const std::string& path) const {
    if (of_metadata())
      (void)edit_metadata(path, {.set = {{"step", "234"}}, .remove = {}});
    else
      (void)overwrite(path, "large", new_tensors_.list().back().bytes, {.threads = 1});
  }
  /// Opens the file, which must leave it as it is, and saves over it, which leaves nothing else.
  static void expect_left_alone(const std::string& folder, const std::string& bytes) {
    (void)open(folder + "/f");
    (void)open(folder + "/f", {.lock = true});
    EXPECT_TRUE(read_file(folder + "/f") == bytes);
    EXPECT_TRUE(try_lock_exclusive(folder + "/f"));
    save(folder + "/f", some_tensors(3).list());
    EXPECT_EQ(Scratch::names_in(folder), std::vector<std::string>{"f"});
  }
  /// As the edit leaves the file when it is killed in the middle.
  void write_half() const {
    const auto from =
        static_cast<std::size_t>(std::ranges::mismatch(old_, new_).in1 - old_.begin());
    const std::size_t count = of_metadata() ? 1 : 1000;
    test::write_file(path_, std::string(old_).replace(from, count, new_, from, count));
  }

  std::string journal_;
  const Scratch scratch_;
  const std::string folder_ = scratch_.folder().string();
  const std::string path_ = scratch_ / "f";
  const Tensors new_tensors_ = some_tensors(7, 300'000);
  const std::string old_ = file_of(some_tensors(1, 300'000), "100");
  const std::string new_ = of_metadata() ? file_of(some_tensors(1, 300'000), "234") : [&] {
    const Scratch scratch;
    write_file(scratch / "f", old_);
    (void)overwrite(scratch / "f", "large", new_tensors_.list().back().bytes);
    return read_file(scratch / "f");
  }();
  // What others write there: of the same layout, with the metadata that the edit began with.
  const std::string other_ = file_of(some_tensors(99, 300'000), "100");
  // The same with the bytes that the edit of the tensor was to write over, so that only which file
  // it is tells.
  const std::string similar_ = [&] {
    Tensors tensors;
    tensors.add("scalar", Dtype::f64, {}, 99);
    tensors.add("empty", Dtype::i32, {3, 0, 2}, 99);
    tensors.add("weight", Dtype::f32, {5, 7}, 99);
    tensors.add("packed", Dtype::f4, {2, 3}, 99);
    tensors.add("large", Dtype::u8, {300'000}, 1);
    return file_of(tensors, "100");
  }();
};

TEST_P(LeftJournal, IsFollowedIntoItsFile) {
  (void)open(path_);
  EXPECT_TRUE(read_file(path_) == new_);
  EXPECT_EQ(scratch_.names(), std::vector<std::string>{"f"});
}

TEST_P(LeftJournal, IsFollowedIntoItsFileByAnyNameInThatFolder) {
  fs::create_symlink("f", scratch_ / "link");
  (void)open(scratch_ / "link");
  EXPECT_TRUE(read_file(path_) == new_);
}

TEST_P(LeftJournal, IsNotForAFileThatGotTheNumberOfTheRemovedOne) {
  const auto time = fs::last_write_time(path_);
  fs::remove(path_);
  write_file(path_, similar_);  // the same inode, on ext4 at the first try
  fs::last_write_time(path_, time);
  expect_left_alone(folder_, similar_);
}

TEST_P(LeftJournal, IsNotForAFileThatWasRenamedThere) {
  write_file(scratch_ / "new", similar_);
  fs::last_write_time(scratch_ / "new", fs::last_write_time(path_));
  fs::rename(scratch_ / "new", path_);
  expect_left_alone(folder_, similar_);
}

TEST_P(LeftJournal, IsNotForWhatOthersWroteIntoTheFile) {
  std::this_thread::sleep_for(std::chrono::milliseconds(30));  // coarse clocks of filesystems
  write_file(path_, other_);
  expect_left_alone(folder_, other_);
}

TEST_P(LeftJournal, IsNotForACopyOfTheFolder) {
  const Scratch other;
  fs::copy(folder_, other.folder(), fs::copy_options::recursive);
  fs::last_write_time(other / "f", fs::last_write_time(path_));
  expect_left_alone(other.folder().string(), old_);
  (void)open(path_);
  EXPECT_TRUE(read_file(path_) == new_);
}

// An edit that is killed while others wait for its lock: its journal was not there when they came.
TEST_P(LeftJournal, IsFollowedByWhoWaitedForTheLock) {
  fs::rename(scratch_ / journal_, scratch_ / "later");
  test::Helper editor([&] {
    new FileLock(lock_exclusive(path_));
    return true;
  });
  ASSERT_TRUE(editor.ready());
  auto waiting = std::async(std::launch::async, [&] {
    return open(path_, {.lock = true, .lock_timeout = std::chrono::seconds(30)});
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  fs::rename(scratch_ / "later", scratch_ / journal_);
  editor.end();
  const File file = waiting.get();
  EXPECT_TRUE(read_file(path_) == new_);
  EXPECT_EQ(scratch_.names(), std::vector<std::string>{"f"});
  EXPECT_FALSE(try_lock_exclusive(path_));
}

std::string open_without_rights(const std::string& path) {
  if (!test::drop_root()) return "skip: cannot give up root";
  std::error_code hidden;
  if (!fs::exists(path, hidden)) return "skip: the folder is closed to others";
  const Result<File> opened = try_open(path);
  return opened ? "opened" : std::string(to_string(opened.error().code()));
}

TEST_P(LeftJournal, IsNotWhatReadersWithoutTheRightToWriteSeeDuringAnEdit) {
  test::Helper editor([&] {
    auto* const lock = new FileLock(lock_exclusive(path_));
    std::thread([this, lock] {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      fs::remove(scratch_ / journal_);
      lock->unlock();
    }).detach();
    return true;
  });
  ASSERT_TRUE(editor.ready());
  fs::permissions(path_, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  const std::string opened = test::in_child([&] { return open_without_rights(path_); });
  if (opened.starts_with("skip: ")) GTEST_SKIP() << opened;
  EXPECT_EQ(opened, "opened");
}

TEST_P(LeftJournal, IsFollowedIntoAFileThatIsHalfWritten) {
  write_half();
  (void)open(path_);
  EXPECT_TRUE(read_file(path_) == new_);
  EXPECT_EQ(scratch_.names(), std::vector<std::string>{"f"});
}

TEST_P(LeftJournal, KeepsReadersWithoutTheRightToWriteFromHalfAFile) {
  write_half();
  fs::permissions(path_, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  const std::string opened = test::in_child([&] { return open_without_rights(path_); });
  if (opened.starts_with("skip: ")) GTEST_SKIP() << opened;
  EXPECT_EQ(opened, "permission_denied");
}

TEST_P(LeftJournal, KeepsNobodyFromAFileThatIsWhole) {
  if (!of_metadata()) GTEST_SKIP() << "the journal of a tensor does not have all of the old bytes";
  for (const std::string& bytes : {old_, new_}) {
    const auto time = fs::last_write_time(path_);
    write_file(path_, bytes);
    fs::last_write_time(path_, time);
    fs::permissions(path_, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
    const std::string opened = test::in_child([&] { return open_without_rights(path_); });
    if (opened.starts_with("skip: ")) GTEST_SKIP() << opened;
    EXPECT_EQ(opened, "opened");
    EXPECT_TRUE(read_file(path_) == bytes);
    fs::permissions(path_, fs::perms::owner_all);
  }
}

TEST_P(LeftJournal, IsOfOneFileAmongThoseWhoseLongNamesBeginAlike) {
  const Scratch long_names;
  const std::string part = long_names / std::string(215, 'a');
  const std::string sibling = part + "-00002-of-00002.safetensors";
  write_file(sibling, other_);
  bool left = false;
  const bool killed = test::kill_at_each_stop([&](unsigned stop) {
    const std::string path = part + "-00001-of-00002.safetensors";
    write_file(path, old_);
    KillOutcome outcome = test::kill_at_syscall([&] { edit(path); }, stop);
    left = !test::journal_in(long_names.folder()).empty();
    if (!left) return outcome;
    outcome.end = KillOutcome::End::finished;
    (void)open(sibling);
    (void)open(path);
    EXPECT_TRUE(read_file(path) == new_);
    return outcome;
  });
  if (!killed) return;
  EXPECT_TRUE(left);
  EXPECT_TRUE(read_file(sibling) == other_);
  EXPECT_EQ(long_names.names().size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(OfMetadataAndOfATensor, LeftJournal, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Metadata" : "Tensor"; });

}  // namespace
}  // namespace tensorhold
