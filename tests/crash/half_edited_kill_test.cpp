// What moves or removes a half-edited file finishes the edit, or drops what belongs to the file,
// wherever it is killed: a half-edited file never stands anywhere without its journal.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "half_edited.hpp"
#include "tensorhold/hold.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::HalfEdited;
using test::KillOutcome;
using test::read_file;
using test::Scratch;
namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class HalfEditedKilled : public ::testing::Test {
 protected:
  /// Opens what stands there, which must be the whole new file then.
  void expect_new(const std::string& path) const {
    (void)open(path);
    EXPECT_TRUE(read_file(path) == half_.new_bytes()) << path;
  }
  const HalfEdited half_;
};

TEST_F(HalfEditedKilled, ReplaceFinishesIt) {
  const Scratch scratch;
  ASSERT_TRUE(half_.put(scratch / "f"));
  (void)replace(scratch / "f", scratch / "g");
  EXPECT_TRUE(read_file(scratch / "g") == half_.new_bytes());
  EXPECT_EQ(scratch.names(), Names{"g"});
}

TEST_F(HalfEditedKilled, ReplaceAcrossFilesystemsFinishesIt) {
  const fs::path other = fs::path("/dev/shm") / Scratch().folder().filename();
  std::error_code none;
  if (!fs::create_directory(other, none)) GTEST_SKIP() << "there is no /dev/shm";
  {
    const Scratch scratch;
    ASSERT_TRUE(half_.put(scratch / "f"));
    (void)replace(scratch / "f", (other / "g").string());
    EXPECT_TRUE(read_file((other / "g").string()) == half_.new_bytes());
    EXPECT_EQ(Scratch::names_in(other), Names{"g"});
    EXPECT_EQ(scratch.names(), Names{});
  }
  fs::remove_all(other);
}

TEST_F(HalfEditedKilled, ReplaceDropsTheJournalOfWhatItReplaces) {
  const Scratch scratch;
  ASSERT_TRUE(half_.put(scratch / "f"));
  fs::create_directory(scratch / "new");
  test::write_file(scratch / "new/f", half_.old_bytes());
  (void)replace(scratch / "new/f", scratch / "f");
  EXPECT_TRUE(read_file(scratch / "f") == half_.old_bytes());
  EXPECT_EQ(scratch.names(), (Names{"f", "new"}));
}

TEST_F(HalfEditedKilled, RemoveAndSaveDropItsJournal) {
  const Scratch scratch;
  ASSERT_TRUE(half_.put(scratch / "f"));
  (void)remove(scratch / "f");
  EXPECT_EQ(scratch.names(), Names{});
  ASSERT_TRUE(half_.put(scratch / "f"));
  save(scratch / "f", test::some_tensors(2).list());
  EXPECT_EQ(scratch.names(), Names{"f"});
}

TEST_F(HalfEditedKilled, ReplaceOfIt) {
  (void)test::kill_at_each_stop([&](unsigned stop) {
    const Scratch scratch;
    const std::string from = scratch / "f";
    const std::string to = scratch / "g";
    if (!half_.put(from)) return KillOutcome{};
    test::write_file(to, half_.old_bytes());
    const KillOutcome outcome = test::kill_at_syscall([&] { (void)replace(from, to); }, stop);
    if (outcome.end != KillOutcome::End::killed && outcome.end != KillOutcome::End::finished)
      return outcome;
    if (fs::exists(from)) {
      EXPECT_TRUE(read_file(to) == half_.old_bytes());
      expect_new(from);
    } else {
      expect_new(to);
    }
    save(from, test::some_tensors(2).list());
    save(to, test::some_tensors(3).list());
    EXPECT_EQ(scratch.names(), (Names{"f", "g"}));
    return outcome;
  });
}

TEST_F(HalfEditedKilled, ReplaceOverIt) {
  (void)test::kill_at_each_stop([&](unsigned stop) {
    const Scratch scratch;
    const Scratch other;
    const std::string to = scratch / "f";
    if (!half_.put(to)) return KillOutcome{};
    test::write_file(other / "g", half_.old_bytes());
    const KillOutcome outcome =
        test::kill_at_syscall([&] { (void)replace(other / "g", to); }, stop);
    if (outcome.end != KillOutcome::End::killed && outcome.end != KillOutcome::End::finished)
      return outcome;
    (void)open(to);
    EXPECT_TRUE(read_file(to) == (fs::exists(other / "g") ? half_.new_bytes() : half_.old_bytes()));
    save(to, test::some_tensors(2).list());
    EXPECT_EQ(scratch.names(), Names{"f"});
    return outcome;
  });
}

TEST_F(HalfEditedKilled, RemoveOfIt) {
  (void)test::kill_at_each_stop([&](unsigned stop) {
    const Scratch scratch;
    const std::string path = scratch / "f";
    if (!half_.put(path)) return KillOutcome{};
    const KillOutcome outcome = test::kill_at_syscall([&] { (void)remove(path); }, stop);
    if (outcome.end != KillOutcome::End::killed && outcome.end != KillOutcome::End::finished)
      return outcome;
    if (outcome.end == KillOutcome::End::finished) {
      EXPECT_EQ(scratch.names(), Names{});
    } else if (fs::exists(path)) {
      expect_new(path);
    }
    save(path, test::some_tensors(2).list());
    EXPECT_EQ(scratch.names(), Names{"f"});
    return outcome;
  });
}

}  // namespace
}  // namespace tensorhold
