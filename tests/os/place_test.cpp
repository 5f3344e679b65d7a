#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/child_posix.hpp"
#include "../support/scratch.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "os/replace/temporary.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using test::Scratch;
namespace fs = std::filesystem;

Code refusal(const std::string& path, bool follow_symlink = false) {
  try {
    (void)Place::of(path, follow_symlink);
  } catch (const Error& error) {
    EXPECT_FALSE(error.advice().empty());
    return error.code();
  }
  return Code{0};
}

TEST(Place, IsFolderAndName) {
  const Scratch scratch;
  const Place place = Place::of(scratch / "f", false);
  EXPECT_EQ(place.name(), "f");
  EXPECT_EQ(place.path(), scratch / "f");
  EXPECT_EQ(place.status(), std::nullopt);
  test::write_file(scratch / "f", "abc");
  EXPECT_EQ(place.status(), status_at(scratch / "f"));
}

TEST(Place, RefusesWhatNamesNoFile) {
  const Scratch scratch;
  test::write_file(scratch / "f", "");
  EXPECT_EQ(refusal(""), Code::invalid_argument);
  EXPECT_EQ(refusal(std::string("a\0b", 3)), Code::invalid_argument);
  EXPECT_EQ(refusal("/"), Code::not_a_file);
  EXPECT_EQ(refusal(scratch / ""), Code::not_a_file);
  EXPECT_EQ(refusal(scratch / "."), Code::not_a_file);
  EXPECT_EQ(refusal(scratch / ".."), Code::not_a_file);
  EXPECT_EQ(refusal(scratch / "missing/f"), Code::not_found);
  EXPECT_EQ(refusal(scratch / "f/g"), Code::not_found);
}

TEST(Place, AcceptsANameInTheCurrentFolder) {
  const Scratch scratch;
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (::chdir(scratch.folder().c_str()) != 0) return "skip: cannot change into the folder";
    test::write_file("f", "abc");
    const Place place = Place::of("f", true);
    return place.path() == "f" && place.status() && place.status()->size == 3 ? "" : "wrong place";
  }));
}

TEST(Place, TakesALinkItselfUnlessToldToFollow) {
  const Scratch scratch;
  fs::create_directories(scratch.folder() / "blobs");
  test::write_file(scratch / "blobs/b", "abc");
  fs::create_symlink("blobs/b", scratch.folder() / "link");
  const Place link = Place::of(scratch / "link", false);
  EXPECT_EQ(link.name(), "link");
  EXPECT_EQ(link.status()->kind, FileKind::other);
  const Place target = Place::of(scratch / "link", true);
  EXPECT_EQ(target.name(), "b");
  EXPECT_EQ(target.path(), scratch / "blobs/b");
  EXPECT_EQ(target.status()->size, 3U);
}

TEST(Place, FollowsChainsAbsoluteRelativeAndDangling) {
  const Scratch scratch;
  fs::create_directories(scratch.folder() / "a/deep");
  fs::create_directories(scratch.folder() / "b");
  fs::create_symlink("a/deep/second", scratch.folder() / "first");
  fs::create_symlink("../../b/third", scratch.folder() / "a/deep/second");
  fs::create_symlink(scratch.folder() / "b" / "end", scratch.folder() / "b/third");
  const Place place = Place::of(scratch / "first", true);
  EXPECT_EQ(place.name(), "end");
  EXPECT_EQ(place.path(), scratch / "b/end");
  EXPECT_EQ(place.status(), std::nullopt);
  test::write_file(scratch / "b/end", "abc");
  EXPECT_EQ(place.status()->size, 3U);
  std::string long_target = "b";
  for (int i = 0; i < 200; ++i) long_target += "/../b";
  fs::create_symlink(long_target + "/end", scratch.folder() / "long");
  EXPECT_EQ(Place::of(scratch / "long", true).status()->size, 3U);
}

TEST(Place, EndsAtLinksThatGoInACircle) {
  const Scratch scratch;
  fs::create_symlink("two", scratch.folder() / "one");
  fs::create_symlink("one", scratch.folder() / "two");
  EXPECT_EQ(refusal(scratch / "one", true), Code::not_found);
  fs::create_symlink("nowhere/x", scratch.folder() / "lost");
  EXPECT_EQ(refusal(scratch / "lost", true), Code::not_found);
}

TEST(Place, StaysInItsFolderWhenThatIsRenamed) {
  const Scratch scratch;
  fs::create_directory(scratch.folder() / "old");
  const Place place = Place::of(scratch / "old/f", false);
  Temporary temporary = Temporary::create(place);
  fs::rename(scratch.folder() / "old", scratch.folder() / "new");
  fs::create_directory(scratch.folder() / "old");
  temporary.put_in_place();
  place.sync();
  EXPECT_TRUE(fs::exists(scratch.folder() / "new/f"));
  EXPECT_TRUE(fs::is_empty(scratch.folder() / "old"));
}

TEST(Place, RemovesWhatNobodyWritesAnyMore) {
  const Scratch scratch;
  const Place place = Place::of(scratch / "f", false);
  const std::string own = make_temporary_name("f", 1);
  const std::string other = make_temporary_name("g", 1);
  test::write_file(scratch / own, "left");
  test::write_file(scratch / other, "of another file, left too");
  test::write_file(scratch / "f", "whole");
  fs::create_directory(scratch.folder() / make_temporary_name("f", 2));
  fs::create_symlink("f", scratch.folder() / make_temporary_name("f", 3));
  ASSERT_EQ(::mkfifo((scratch / make_temporary_name("f", 4)).c_str(), 0600), 0);
  EXPECT_EQ(place.remove_stale(), 2U);
  EXPECT_FALSE(fs::exists(scratch.folder() / own));
  EXPECT_FALSE(fs::exists(scratch.folder() / other));
  EXPECT_EQ(test::read_file(scratch / "f"), "whole");
  EXPECT_EQ(scratch.names().size(), 4U);
}

TEST(Place, LeavesLivingWritersAlone) {
  const Scratch scratch;
  const Place place = Place::of(scratch / "f", false);
  {
    const Temporary mine = Temporary::create(place);
    EXPECT_EQ(Place::of(scratch / "f", false).remove_stale(), 0U);
    EXPECT_EQ(
        test::in_child([&] { return std::string(place.remove_stale() == 0 ? "" : "removed"); }),
        "");
    EXPECT_EQ(scratch.names().size(), 1U);
  }
  EXPECT_TRUE(scratch.names().empty());
}

TEST(Place, LeavesAWriterAloneWhoseProcessNumberIsUnknownHere) {
  const Scratch scratch;
  const Place place = Place::of(scratch / "f", false);
  const Temporary mine = Temporary::create(place);
  // As another host that shares the folder would name it: no such process exists here.
  const std::string foreign = make_temporary_name("f", 4'000'000'000U);
  fs::rename(scratch.folder() / scratch.names().front(), scratch.folder() / foreign);
  EXPECT_EQ(place.remove_stale(), 0U);
  EXPECT_TRUE(fs::exists(scratch.folder() / foreign));
}

}  // namespace
}  // namespace tensorhold::os
