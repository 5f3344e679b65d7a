// What stands at a journal's name and is none of this very file and its bytes is left alone, and
// keeps nobody from the file.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>

#include "../support/child_posix.hpp"
#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "os/file/file.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "tensorhold/edit.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::Scratch;
using test::some_tensors;
namespace fs = std::filesystem;

constexpr unsigned owner = 61'001;
constexpr unsigned stranger = 61'002;

struct Odd {
  const char* name;
  std::function<void(const std::string& path)> make;
  bool may_replace;  ///< by an edit, when it is one's own
};

const std::vector<Odd>& odd_objects() {
  static const std::vector<Odd> list{
      {"empty", [](const std::string& path) { test::write_file(path, ""); }, true},
      {"text", [](const std::string& path) { test::write_file(path, "not a journal"); }, true},
      {"zeros", [](const std::string& path) { test::write_file(path, std::string(9000, '\0')); },
       true},
      {"unreadable",
       [](const std::string& path) {
         test::write_file(path, "");
         (void)::chmod(path.c_str(), 0);
       },
       true},
      {"folder", [](const std::string& path) { fs::create_directory(path); }, false},
      {"pipe", [](const std::string& path) { (void)::mkfifo(path.c_str(), 0666); }, false},
      {"link", [](const std::string& path) { fs::create_symlink("/dev/zero", path); }, false},
      {"dangling link", [](const std::string& path) { fs::create_symlink("no", path); }, false},
  };
  return list;
}

std::string journal_of(const std::string& path) {
  const fs::path file(path);
  const auto status = os::status_at(path);
  if (!status) return {};
  return (file.parent_path() / os::make_journal_name(file.filename().string(), status->identity))
      .string();
}

std::string value_of_a(const std::string& path) {
  const File file = open(path);
  for (const auto& [key, value] : file.metadata())
    if (key == "a") return std::string(value);
  return {};
}

bool become(unsigned user) { return ::setegid(user) == 0 && ::seteuid(user) == 0; }

/// Everything that may be done with a file; what failed, or nothing.
std::string use(const std::string& path, bool own, const Odd& odd, bool sticky) {
  const std::string journal = journal_of(path);
  const auto there = [&] { return fs::exists(fs::symlink_status(journal)); };
  (void)open(path);
  (void)open(path, {.lock = true});
  (void)lock_shared(path);
  if (!there()) return "an open removed it";
  if (!own) return "";
  const Edited edited = edit_metadata(path, {.set = {{"a", std::string(20, 'y')}}, .remove = {}});
  if (edited.rewritten != (sticky || !odd.may_replace)) return "metadata: rewritten or not";
  if (edited.rewritten == edited.why.empty()) return "the reason";
  if (value_of_a(path) != std::string(20, 'y')) return "metadata";
  if (edited.rewritten && fs::is_regular_file(fs::symlink_status(journal_of(path))))
    return "a journal was left";
  return "";
}

class OddJournal : public ::testing::TestWithParam<Odd> {};

TEST_P(OddJournal, KeepsNobodyFromTheFile) {
  const Scratch scratch;
  const std::string path = scratch / "f";
  save(path, some_tensors(1).list(), Metadata{{"a", "x"}}, {.reserve_header = 500});
  GetParam().make(journal_of(path));
  EXPECT_EQ(use(path, /*own=*/true, GetParam(), /*sticky=*/false), "");
  if (!fs::exists(fs::symlink_status(journal_of(path)))) GetParam().make(journal_of(path));
  const auto other = some_tensors(5);
  const Edited edited = overwrite(path, "large", other.list().back().bytes);
  EXPECT_TRUE(edited.changed);
  const Tensor large = open(path)["large"];
  const Tensor weight = open(path)["weight"];
  const auto before = some_tensors(1);
  EXPECT_TRUE(test::same_bytes(large.bytes(), other.list().back().bytes));
  EXPECT_TRUE(test::same_bytes(weight.bytes(), before.list()[2].bytes));
  save(path, some_tensors(3).list());
  (void)remove(path);
  EXPECT_FALSE(fs::exists(path));
}

// In a folder like /tmp nobody may remove what others put there.
TEST_P(OddJournal, OfAStrangerKeepsNobodyFromTheFile) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, for two users";
  const Scratch scratch;
  (void)::chmod(scratch.folder().c_str(), 01777);
  const std::string path = scratch / "f";
  save(path, some_tensors(1).list(), Metadata{{"a", "x"}}, {.reserve_header = 500});
  (void)::chmod(path.c_str(), 0644);
  ASSERT_EQ(::chown(path.c_str(), owner, owner), 0);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!become(stranger)) return "skip: cannot become another user";
    if (journal_of(path).empty()) return "skip: the folder is closed to others";
    GetParam().make(journal_of(path));
    return use(path, /*own=*/false, GetParam(), true);
  }));
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!become(owner)) return "skip: cannot become another user";
    const std::string said = use(path, /*own=*/true, GetParam(), true);
    save(path, some_tensors(2).list());
    return said;
  }));
  EXPECT_NO_THROW((void)open(path));
  save(path, some_tensors(2).list());
}

INSTANTIATE_TEST_SUITE_P(All, OddJournal, ::testing::ValuesIn(odd_objects()), [](const auto& info) {
  std::string name = info.param.name;
  std::erase(name, ' ');
  return name;
});

TEST(StaleJournal, OfAnotherFileIsNotFoundAndGoesWithASaveOfTheNextProcess) {
  const Scratch scratch;
  const std::string path = scratch / "f";
  save(path, some_tensors(1).list());
  const os::Identity gone{.device = 1, .file = 0xABCDEF, .file_high = 0};
  for (const char* name : {"f", "other"})
    test::write_file(scratch / os::make_journal_name(name, gone), std::string(500, 'x'));
  EXPECT_NO_THROW((void)open(path));
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {  // that has not looked here yet
    save(path, some_tensors(1).list());
    return "";
  }));
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
}

TEST(StaleJournal, OfAFileThatStandsThereIsKeptByASaveOfAnother) {
  const Scratch scratch;
  save(scratch / "f", some_tensors(1).list());
  test::write_file(journal_of(scratch / "f"), "x");
  save(scratch / "g", some_tensors(1).list());
  EXPECT_TRUE(fs::exists(journal_of(scratch / "f")));
}

// Near the limit of paths the journal's would be longer than the system takes.
TEST(Journal, OfAPathNearTheLimitIsMadeAllTheSame) {
  const Scratch scratch;
  fs::path folder = scratch.folder();
  while (folder.native().size() + 203 < 4060) {
    folder /= std::string(200, 'd');
    fs::create_directory(folder);
  }
  const std::string path = (folder / std::string(4090 - folder.native().size() - 1, 'n')).string();
  save(path, some_tensors(1).list(), Metadata{{"a", "x"}}, {.reserve_header = 500});
  const Edited edited = edit_metadata(path, {.set = {{"a", "y"}}, .remove = {}});
  EXPECT_FALSE(edited.rewritten);
  EXPECT_EQ(value_of_a(path), "y");
  EXPECT_EQ(Scratch::names_in(folder).size(), 1U);
}

}  // namespace
}  // namespace tensorhold
