// Whose rights and attributes a file has that was saved, edited or moved: nobody gains any.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "../support/elsewhere_linux.hpp"
#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::Elsewhere;
using test::Scratch;
namespace fs = std::filesystem;

constexpr const char* list_name = "system.posix_acl_access";
constexpr const char* default_list_name = "system.posix_acl_default";

/// Owner and user 61001: read and write; the group: nothing. Such a file shows mode 0660.
std::string closed_list(unsigned mask = 6) {
  std::string list("\2\0\0\0", 4);
  const auto add = [&](unsigned tag, unsigned bits, std::uint32_t id) {
    for (const unsigned value : {tag, bits}) list += {static_cast<char>(value), '\0'};
    for (unsigned i = 0; i < 4; ++i) list += static_cast<char>(id >> (8 * i) & 0xFFU);
  };
  add(1, 6, 0xFFFF'FFFF);
  add(2, 6, 61001);
  add(4, 0, 0xFFFF'FFFF);
  add(16, mask, 0xFFFF'FFFF);
  add(32, 0, 0xFFFF'FFFF);
  return list;
}

bool set(const std::string& path, const char* name, const std::string& value) {
  return ::setxattr(path.c_str(), name, value.data(), value.size(), 0) == 0;
}

std::optional<std::string> get(const std::string& path, const char* name) {
  std::array<char, 4096> value{};
  const ssize_t size = ::getxattr(path.c_str(), name, value.data(), value.size());
  if (size < 0) return std::nullopt;
  return std::string(value.data(), static_cast<std::size_t>(size));
}

struct ::stat stat_of(const std::string& path) {
  struct ::stat found {};
  EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
  return found;
}

unsigned mode_of(const std::string& path) { return stat_of(path).st_mode & 07777U; }

void save_some(const std::string& path, unsigned seed = 1, const SaveOptions& options = {}) {
  save(path, test::some_tensors(seed).list(), std::nullopt, options);
}

void write_with_writer(const std::string& path) {
  Writer writer(path, std::array{TensorLayout{"a", Dtype::u8, {4}}});
  writer.write("a", std::array<std::byte, 4>{});
  writer.commit();
}

/// More than the header has room for.
void edit_much(const std::string& path, const EditOptions& options = {}) {
  EXPECT_TRUE(edit_metadata(path, {.set = {{"k", std::string(9000, 'v')}}, .remove = {}}, options)
                  .rewritten);
}

TEST(Attributes, ASaveKeepsListAndUserAttributesOfWhatItReplaces) {
  for (const auto way : {+[](const std::string& path) { save_some(path, 2); },
                         +[](const std::string& path) { write_with_writer(path); },
                         +[](const std::string& path) { edit_much(path); }}) {
    const Scratch scratch;
    const std::string path = scratch / "f";
    save_some(path);
    if (!set(path, list_name, closed_list()) || !set(path, "user.origin", "hub"))
      GTEST_SKIP() << "the filesystem has no lists or attributes";
    const auto list = get(path, list_name);
    ASSERT_TRUE(list.has_value());
    way(path);
    EXPECT_EQ(get(path, list_name), list);
    EXPECT_EQ(get(path, "user.origin"), "hub");
    EXPECT_EQ(mode_of(path), 0660U);
  }
}

TEST(Attributes, TheListThatAFolderGivesIsNotPutOnAFileThatHadNone) {
  const Scratch scratch;
  const std::string path = scratch / "f";
  save_some(path);
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  if (!set(scratch.folder().string(), default_list_name, closed_list()))
    GTEST_SKIP() << "the filesystem has no lists";
  save_some(path, 2);
  EXPECT_EQ(get(path, list_name), std::nullopt);
  EXPECT_EQ(mode_of(path), 0640U);
  save_some(scratch / "new");
  EXPECT_TRUE(get(scratch / "new", list_name).has_value());  // as any new file there
}

TEST(Attributes, SetIdBitsAreNeverCarried) {
  const Scratch scratch;
  const std::string path = scratch / "f";
  save_some(path);
  ASSERT_EQ(::chmod(path.c_str(), 06755), 0);
  save_some(path, 2);
  EXPECT_EQ(mode_of(path), 0755U);
}

TEST(Attributes, CapabilitiesAreNeverCarried) {
  const Scratch scratch;
  const std::string path = scratch / "f";
  save_some(path);
  const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  if (!set(path, "security.capability", capability)) GTEST_SKIP() << "needs root";
  save_some(path, 2);
  EXPECT_EQ(get(path, "security.capability"), std::nullopt);
}

TEST(Attributes, AnEditOfALinkThatIsReplacedIsNotWiderThanTheTarget) {
  const mode_t mask = ::umask(022);
  const Scratch scratch;
  save_some(scratch / "blob");
  ASSERT_EQ(::chmod((scratch / "blob").c_str(), 0600), 0);
  fs::create_symlink("blob", scratch.folder() / "link");
  (void)edit_metadata(scratch / "link", {.set = {{"a", "1"}}, .remove = {}});
  (void)::umask(mask);
  EXPECT_FALSE(fs::is_symlink(scratch.folder() / "link"));
  EXPECT_EQ(mode_of(scratch / "link"), 0600U);
  const File blob = open(scratch / "blob");
  EXPECT_TRUE(blob.metadata().empty());
}

TEST(Attributes, AnEditThroughAFollowedLinkKeepsTheTargets) {
  const Scratch scratch;
  save_some(scratch / "blob");
  ASSERT_EQ(::chmod((scratch / "blob").c_str(), 0640), 0);
  fs::create_symlink("blob", scratch.folder() / "link");
  edit_much(scratch / "link", {.follow_symlink = true});
  EXPECT_TRUE(fs::is_symlink(scratch.folder() / "link"));
  EXPECT_EQ(mode_of(scratch / "blob"), 0640U);
}

TEST(Attributes, ASaveInPlaceOfALinkGivesGroupAndOthersNoMoreThanTheTargetDid) {
  const mode_t mask = ::umask(022);
  const Scratch scratch;
  for (const auto& [target, result] : {std::pair(0600U, 0600U), std::pair(0640U, 0640U),
                                       std::pair(0444U, 0644U), std::pair(0777U, 0644U)}) {
    save_some(scratch / "blob");
    ASSERT_EQ(::chmod((scratch / "blob").c_str(), target), 0);
    fs::create_symlink("blob", scratch.folder() / "link");
    save_some(scratch / "link", 2);
    EXPECT_EQ(mode_of(scratch / "link"), result) << std::oct << target;
    fs::remove(scratch.folder() / "link");
    fs::remove(scratch.folder() / "blob");
  }
  fs::create_symlink("nothing", scratch.folder() / "dangling");
  save_some(scratch / "dangling");
  EXPECT_EQ(mode_of(scratch / "dangling"), 0644U);
  (void)::umask(mask);
}

TEST(Attributes, AMoveAcrossFilesystemsCarriesThoseOfTheFileThatMoves) {
  const Scratch scratch;
  const Elsewhere elsewhere(scratch);
  if (!elsewhere.made()) GTEST_SKIP() << "there is no second filesystem in /dev/shm";
  for (const bool replaces : {false, true}) {
    const std::string from = elsewhere / "f";
    const std::string to = scratch / "g";
    save_some(from);
    if (replaces) {
      save_some(to, 2);
      ASSERT_EQ(::chmod(to.c_str(), 0666), 0);
    } else {
      fs::remove(to);
    }
    const bool lists = set(from, list_name, closed_list());
    if (!lists) {
      ASSERT_EQ(::chmod(from.c_str(), 0600), 0);
    }
    const bool attributes = set(from, "user.origin", "hub");
    const std::array<timespec, 2> times{timespec{1'000'000'000, 5}, timespec{978'307'200, 123}};
    ASSERT_EQ(::utimensat(AT_FDCWD, from.c_str(), times.data(), 0), 0);
    const struct ::stat before = stat_of(from);
    const auto list = get(from, list_name);
    (void)replace(from, to);
    const struct ::stat after = stat_of(to);
    EXPECT_EQ(after.st_mode, before.st_mode);
    EXPECT_EQ(after.st_uid, before.st_uid);
    EXPECT_EQ(after.st_gid, before.st_gid);
    EXPECT_EQ(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
    EXPECT_EQ(get(to, list_name), list);
    if (attributes) {
      EXPECT_EQ(get(to, "user.origin"), "hub");
    }
    EXPECT_FALSE(fs::exists(from));
  }
}

TEST(Attributes, AMoveOnOneFilesystemIsARename) {
  const Scratch scratch;
  save_some(scratch / "f");
  save_some(scratch / "g", 2);
  ASSERT_EQ(::chmod((scratch / "f").c_str(), 0600), 0);
  ASSERT_EQ(::chmod((scratch / "g").c_str(), 0644), 0);
  const ino_t number = stat_of(scratch / "f").st_ino;
  (void)replace(scratch / "f", scratch / "g");
  EXPECT_EQ(stat_of(scratch / "g").st_ino, number);
  EXPECT_EQ(mode_of(scratch / "g"), 0600U);
}

TEST(Attributes, OnlyRegularFilesMoveAcrossFilesystems) {
  const Scratch scratch;
  const Elsewhere elsewhere(scratch);
  if (!elsewhere.made()) GTEST_SKIP() << "there is no second filesystem in /dev/shm";
  ASSERT_EQ(::mkfifo((elsewhere / "pipe").c_str(), 0600), 0);
  try {
    (void)replace(elsewhere / "pipe", scratch / "f", {.durable = false});
    ADD_FAILURE() << "a pipe was moved";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::not_a_file) << error.what();
  }
  EXPECT_TRUE(fs::exists(elsewhere / "pipe"));
}

// The only file in the folder that nobody named.
unsigned mode_of_temporary(const Scratch& scratch) {
  for (const std::string& name : scratch.names())
    if (name.find(".tensorhold-") != std::string::npos) return mode_of(scratch / name);
  return 0;
}

TEST(Attributes, WhatWillReplaceAFileOrALinkIsItsOwnersAloneUntilThen) {
  const Scratch scratch;
  const std::string path = scratch / "f";
  save_some(path);
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  fs::create_symlink("f", scratch.folder() / "link");
  for (const std::string& name : {path, scratch / "link"}) {
    Writer writer(name, std::array{TensorLayout{"a", Dtype::u8, {4}}});
    EXPECT_EQ(mode_of_temporary(scratch), 0600U) << name;
  }
  const Elsewhere elsewhere(scratch);
  if (!elsewhere.made()) return;
  save_some(elsewhere / "f");
  ASSERT_EQ(::chmod((elsewhere / "f").c_str(), 0666), 0);
  unsigned seen = 0;
  (void)replace(elsewhere / "f", scratch / "new",
                {.progress = [&](auto, auto) { seen = mode_of_temporary(scratch); }});
  EXPECT_EQ(seen, 0600U);
}

}  // namespace
}  // namespace tensorhold
