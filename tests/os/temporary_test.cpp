#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "../support/child_posix.hpp"
#include "../support/scratch.hpp"
#include "os/file/mapping.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "os/replace/temporary.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using test::Scratch;
namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

struct ::stat stat_of(const std::string& path) {
  struct ::stat found {};
  EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
  return found;
}

// Writes `text` in place of what is at `path`.
void replace(const std::string& path, std::string_view text) {
  const Place place = Place::of(path, false);
  Temporary temporary = Temporary::create(place);
  const std::array<std::span<const std::byte>, 1> parts{bytes_of(text)};
  temporary.write_at(0, parts);
  temporary.keep_attributes();
  temporary.flush();
  EXPECT_TRUE(temporary.sync());
  temporary.put_in_place();
}

TEST(Temporary, IsRecognisableAndGoesByItself) {
  const Scratch scratch;
  const Place place = Place::of(scratch / "f", false);
  {
    const Temporary temporary = Temporary::create(place);
    ASSERT_EQ(scratch.names().size(), 1U);
    const std::string name = scratch.names().front();
    const auto parsed = parse_temporary_name(name);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->stem, "f");
    EXPECT_EQ(parsed->pid, static_cast<std::uint64_t>(::getpid()));
  }
  EXPECT_TRUE(scratch.names().empty());
}

TEST(Temporary, TakesTheLongestName) {
  const Scratch scratch;
  const std::string name(255, 'n');
  replace(scratch / name, "abc");
  EXPECT_EQ(scratch.names(), std::vector{name});
  const Place place = Place::of(scratch / name, false);
  std::string left;
  {
    const Temporary temporary = Temporary::create(place);
    for (const std::string& found : scratch.names())
      if (found != name) left = found;
  }
  test::write_file(scratch / left, "left by a kill");
  EXPECT_EQ(place.remove_stale(), 1U);
  EXPECT_EQ(scratch.names(), std::vector{name});
}

TEST(Temporary, WritesPartsOneAfterTheOther) {
  const Scratch scratch;
  const Place place = Place::of(scratch / "f", false);
  std::string expected;
  std::vector<std::string> texts;
  for (int i = 0; i < 3000; ++i)
    texts.push_back(std::string(static_cast<std::size_t>(i % 7), 'a') + std::to_string(i));
  texts.insert(texts.begin() + 1000, "");
  std::vector<std::span<const std::byte>> parts;
  for (const std::string& text : texts) {
    parts.push_back(bytes_of(text));
    expected += text;
  }
  Temporary temporary = Temporary::create(place);
  temporary.preallocate(expected.size() + 3);
  temporary.write_at(3, parts);
  temporary.write_at(0, std::array{bytes_of("xyz")});
  temporary.write_at(0, {});
  temporary.put_in_place();
  EXPECT_EQ(test::read_file(scratch / "f"), "xyz" + expected);
}

TEST(Temporary, NewFileGetsTheUsualMode) {
  const Scratch scratch;
  const mode_t mask = ::umask(027);
  replace(scratch / "f", "abc");
  (void)::umask(mask);
  EXPECT_EQ(stat_of(scratch / "f").st_mode & 07777U, 0640U);
}

TEST(Temporary, KeepsTheModeAndShowsNothingBefore) {
  const Scratch scratch;
  for (const unsigned mode : {0600U, 0644U, 0444U, 0777U, 0000U}) {
    test::write_file(scratch / "f", "old");
    ASSERT_EQ(::chmod((scratch / "f").c_str(), mode), 0);
    {
      const Place place = Place::of(scratch / "f", false);
      const Temporary temporary = Temporary::create(place);
      EXPECT_EQ(stat_of(scratch / scratch.names().front()).st_mode & 0777U, 0600U);
    }
    replace(scratch / "f", "abc");
    EXPECT_EQ(stat_of(scratch / "f").st_mode & 07777U, mode);
    fs::remove(scratch / "f");
  }
}

TEST(Temporary, KeepsTheOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const Scratch scratch;
  test::write_file(scratch / "f", "old");
  ASSERT_EQ(::chown((scratch / "f").c_str(), 1234, 4321), 0);
  ASSERT_EQ(::chmod((scratch / "f").c_str(), 06755), 0);
  replace(scratch / "f", "abc");
  EXPECT_EQ(stat_of(scratch / "f").st_uid, 1234U);
  EXPECT_EQ(stat_of(scratch / "f").st_gid, 4321U);
  EXPECT_EQ(stat_of(scratch / "f").st_mode & 07777U, 0755U);  // never set-id bits
}

TEST(Temporary, HandsNoRightsToOthersWhenTheOwnerCannotBeKept) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs a file of another owner";
  const Scratch scratch;
  test::write_file(scratch / "f", "old");
  ASSERT_EQ(::chown((scratch / "f").c_str(), 1234, 4321), 0);
  ASSERT_EQ(::chmod((scratch / "f").c_str(), 06674), 0);
  ASSERT_EQ(::chmod(scratch.folder().c_str(), 0777), 0);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (::setgroups(0, nullptr) != 0 || !test::drop_root()) return "skip: cannot give up root";
    replace(scratch / "f", "abc");
    return "";
  }));
  EXPECT_EQ(test::read_file(scratch / "f"), "abc");
  EXPECT_EQ(stat_of(scratch / "f").st_uid, 65534U);
  EXPECT_EQ(stat_of(scratch / "f").st_mode & 07777U, 0644U);
}

TEST(Temporary, LeavesOtherNamesAndMappingsOnTheOldFile) {
  const Scratch scratch;
  test::write_file(scratch / "f", "old");
  fs::create_hard_link(scratch / "f", scratch / "other");
  const Mapping mapping = Mapping::map(File::open_read(scratch / "f"), 3, Protection::read_only);
  replace(scratch / "f", "new");
  EXPECT_EQ(test::read_file(scratch / "f"), "new");
  EXPECT_EQ(test::read_file(scratch / "other"), "old");
  EXPECT_EQ(mapping.data()[0], std::byte{'o'});
}

TEST(Temporary, RefusesToReplaceAnythingButAFile) {
  const Scratch scratch;
  fs::create_directory(scratch.folder() / "folder");
  ASSERT_EQ(::mkfifo((scratch / "pipe").c_str(), 0600), 0);
  for (const std::string& path : {scratch / "folder", scratch / "pipe", std::string("/dev/null")}) {
    const Place place = Place::of(path, false);
    try {
      (void)Temporary::create(place);
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::not_a_file);
    }
  }
  EXPECT_EQ(scratch.names().size(), 2U);
}

TEST(Temporary, AFolderThatAppearsLaterIsNotReplaced) {
  const Scratch scratch;
  const Place place = Place::of(scratch / "f", false);
  {
    Temporary temporary = Temporary::create(place);
    fs::create_directory(scratch.folder() / "f");
    try {
      temporary.put_in_place();
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::not_a_file);
    }
  }
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
}

TEST(Temporary, AsksTheLimitOfFileSizeBeforeTheSystemKills) {
  const Scratch scratch;
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const rlimit limit{1000, 1000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return "skip: no limit";
    const Place place = Place::of(scratch / "f", false);
    Temporary temporary = Temporary::create(place);
    temporary.preallocate(1000);
    try {
      temporary.preallocate(1001);
    } catch (const Error& error) {
      return error.code() == Code::no_space && error.os_error() == EFBIG ? "" : error.what();
    }
    return "nothing failed";
  }));
  EXPECT_TRUE(scratch.names().empty());
}

TEST(Temporary, SaysWhereMemoryCouldNotBeRead) {
  const Scratch scratch;
  const long page = ::sysconf(_SC_PAGESIZE);
  test::write_file(scratch / "source", std::string(static_cast<std::size_t>(page) * 3, 's'));
  const Mapping mapping = Mapping::map(File::open_read(scratch / "source"),
                                       static_cast<std::uint64_t>(page) * 3, Protection::read_only);
  fs::resize_file(scratch / "source", static_cast<std::uintmax_t>(page));
  const Place place = Place::of(scratch / "f", false);
  Temporary temporary = Temporary::create(place);
  try {
    temporary.write_at(0, std::array{bytes_of("12345"),
                                     std::span<const std::byte>(mapping.data(), mapping.size())});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::truncated);
    EXPECT_EQ(error.offset(), static_cast<std::uint64_t>(page) + 5);
  }
}

}  // namespace
}  // namespace tensorhold::os
