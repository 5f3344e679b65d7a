// Files that are removed, replaced, saved over and changed while their tensors are in use.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "support/many_tensors.hpp"
#include "support/one_tensor.hpp"
#if defined(__linux__)
#include "support/child_posix.hpp"
#endif
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

class ChangeUnderTensors : public ::testing::TestWithParam<Access> {
 protected:
  test::ManyTensors made_{4, 1000};
  File file_ = made_.open(GetParam());
  Tensor tensor_ = file_.at(2);
};

TEST_P(ChangeUnderTensors, Remove) {
  (void)tensorhold::remove(made_.path());
  EXPECT_FALSE(std::filesystem::exists(made_.path()));
  EXPECT_EQ(made_.wrong_words(tensor_, 2), 0U);
  test::write_file(made_.path(), "the name is free");
  EXPECT_EQ(made_.wrong_words(tensor_, 2), 0U);
}

TEST_P(ChangeUnderTensors, RemoveAndReclaimSpace) {
  try {
    EXPECT_TRUE(tensorhold::remove(made_.path(), {.reclaim_space = true}).released);
    EXPECT_FALSE(tensor_.mapped());
    EXPECT_FALSE(std::filesystem::exists(made_.path()));
  } catch (const Error& error) {  // where space cannot be had back at once, nothing changes
    EXPECT_EQ(error.code(), Code::release_unsupported) << error.what();
    EXPECT_TRUE(std::filesystem::exists(made_.path()));
  }
  EXPECT_EQ(made_.wrong_words(tensor_, 2), 0U);
}

TEST_P(ChangeUnderTensors, Replace) {
  const test::OneTensor other(Dtype::u8, {64}, Access::owned);
  (void)replace(other.path, made_.path());
  EXPECT_FALSE(std::filesystem::exists(other.path));
  EXPECT_EQ(made_.wrong_words(tensor_, 2), 0U);
  EXPECT_EQ(open(made_.path()).size(), 1U);
}

TEST_P(ChangeUnderTensors, SaveOverTheFileOfWhatIsSaved) {
  std::vector<Tensor> tensors;
  std::vector<SaveTensor> list;
  for (std::size_t i = 0; i < file_.size(); ++i) tensors.push_back(file_.at(i));
  for (std::size_t i = tensors.size(); i-- > 0;) list.emplace_back(tensors[i]);
  save(made_.path(), list);
  EXPECT_EQ(made_.wrong_words(tensor_, 2), 0U);
  const File saved = open(made_.path());
  const Tensor again = saved[made_.name(2)];
  EXPECT_EQ(made_.wrong_words(again, 2), 0U);
}

INSTANTIATE_TEST_SUITE_P(Io, ChangeUnderTensors, ::testing::Values(Access::mapped, Access::owned),
                         test::name_of);

Code refusal(const auto& change) {
  try {
    change();
  } catch (const Error& error) {
    return error.code();
  }
  return Code{};
}

TEST(Change, WhatIsNotThereIsNotRemoved) {
  const test::Scratch folder;
  EXPECT_EQ(refusal([&] { (void)tensorhold::remove(folder / "absent"); }), Code::not_found);
  EXPECT_EQ(refusal([&] { (void)tensorhold::remove(folder.folder()); }), Code::not_a_file);
  test::write_file(folder / "there", "x");
  EXPECT_EQ(refusal([&] { (void)replace(folder / "absent", folder / "there"); }), Code::not_found);
  EXPECT_EQ(test::read_file(folder / "there"), "x");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"there"});
}

TEST(Change, AFolderIsNeverReplacedNorMoved) {
  const test::Scratch folder;
  std::filesystem::create_directory(folder / "folder");
  test::write_file(folder / "file", "x");
  EXPECT_EQ(refusal([&] { (void)replace(folder / "file", folder / "folder"); }), Code::not_a_file);
  EXPECT_EQ(refusal([&] { (void)replace(folder / "folder", folder / "file"); }), Code::not_a_file);
  EXPECT_EQ(test::read_file(folder / "file"), "x");
}

TEST(Change, ReplaceMakesANameThatWasFree) {
  const test::Scratch folder;
  test::write_file(folder / "new", "bytes");
  const Changed changed = replace(folder / "new", folder / "name");
  EXPECT_FALSE(changed.released);
  EXPECT_EQ(test::read_file(folder / "name"), "bytes");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"name"});
}

#if defined(__linux__)
TEST(Change, ReplaceAcrossFilesystemsCopies) {
  const std::filesystem::path memory("/dev/shm");
  if (!std::filesystem::is_directory(memory)) GTEST_SKIP() << "no second filesystem here";
  const test::Scratch folder;
  const std::string from = (memory / ("tensorhold-test-" + folder.folder().filename().string()));
  test::write_file(from, std::string(20'000'000, 'y'));
  test::write_file(folder / "name", "old");
  (void)replace(from, folder / "name");
  EXPECT_EQ(test::read_file(folder / "name"), std::string(20'000'000, 'y'));
  EXPECT_FALSE(std::filesystem::exists(from));
  EXPECT_EQ(folder.names(), std::vector<std::string>{"name"});
}

TEST(Change, ReplaceAcrossFilesystemsSaysWhenTheOriginalStays) {
  namespace fs = std::filesystem;
  if (!fs::is_directory("/dev/shm")) GTEST_SKIP() << "no second filesystem here";
  const test::Scratch folder;
  const fs::path closed = "/dev/shm/tensorhold-test-" + folder.folder().filename().string();
  fs::create_directory(closed);
  test::write_file((closed / "new").string(), "new");
  test::write_file(folder / "name", "old");
  fs::permissions(folder.folder(), fs::perms::all);
  fs::permissions(closed, fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read |
                              fs::perms::others_exec);
  const std::string said = test::in_child([&]() -> std::string {
    if (!test::drop_root()) return "skip: cannot become another user";
    try {
      (void)replace((closed / "new").string(), folder / "name", {.durable = false});
    } catch (const Error& error) {
      const bool both = error.reason().find("the original stays") != std::string::npos;
      return both && error.code() == Code::permission_denied ? "" : error.what();
    }
    return "not refused";
  });
  const std::string original = test::read_file((closed / "new").string());
  fs::permissions(closed, fs::perms::owner_all);
  fs::remove_all(closed);
  TENSORHOLD_EXPECT_CHILD(said);
  EXPECT_EQ(original, "new");
  EXPECT_EQ(test::read_file(folder / "name"), "new");
}

TEST(Change, ReplaceAcrossFilesystemsCanBeStopped) {
  const std::filesystem::path memory("/dev/shm");
  if (!std::filesystem::is_directory(memory)) GTEST_SKIP() << "no second filesystem here";
  const test::Scratch folder;
  const std::string from = (memory / ("tensorhold-test-" + folder.folder().filename().string()));
  test::write_file(from, std::string(20'000'000, 'y'));
  test::write_file(folder / "name", "old");
  for (const std::uint64_t at : {8'388'608, 20'000'000}) {
    const StopSource stop;
    const auto progress = [&](std::uint64_t done, std::uint64_t total) {
      EXPECT_EQ(total, 20'000'000U);
      if (done == at) stop.request_stop();
    };
    try {
      (void)replace(from, folder / "name", {.progress = progress, .stop = stop.token()});
      ADD_FAILURE() << "not stopped at " << at;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::cancelled);
    }
    EXPECT_EQ(test::read_file(folder / "name"), "old");
    EXPECT_EQ(folder.names(), std::vector<std::string>{"name"});
  }
  EXPECT_TRUE(std::filesystem::remove(from));
}
#endif

/// Until the filesystem's clock has moved on, so that a change gets another time.
void wait_for_another_time(const std::string& path) {
  const std::string probe = path + ".probe";
  const auto then = std::filesystem::last_write_time(path);
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    test::write_file(probe, "x");
  } while (std::filesystem::last_write_time(probe) <= then);
  std::filesystem::remove(probe);
}

TEST(Check, TellsWhatBecameOfTheFile) {
  const test::ManyTensors made(2, 100);
  const File file = made.open(Access::owned);
  EXPECT_EQ(file.check(), FileState::unchanged);
  wait_for_another_time(made.path());
  std::fstream(made.path(), std::ios::in | std::ios::out | std::ios::binary).seekp(300).put('x');
  EXPECT_EQ(file.check(), FileState::modified);
  std::filesystem::resize_file(made.path(), 500);
  EXPECT_EQ(file.check(), FileState::truncated);
}

TEST(Check, TellsOfAnotherFileAtThePath) {
  const test::ManyTensors made(2, 100);
  const File file = made.open(Access::owned);
  std::filesystem::rename(made.path(), made.path() + ".old");
  EXPECT_EQ(file.check(), FileState::deleted);
  test::write_file(made.path(), test::read_file(made.path() + ".old"));
  EXPECT_EQ(file.check(), FileState::replaced);
}

TEST(Check, WorksAfterARelease) {
  const test::ManyTensors made(2, 100);
  const File file = made.open(Access::owned);
  (void)file.release();
  EXPECT_EQ(file.check(), FileState::unchanged);
  std::filesystem::remove(made.path());
  EXPECT_EQ(file.check(), FileState::deleted);
}

}  // namespace
}  // namespace tensorhold
