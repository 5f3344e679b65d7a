// Loads by a plan over a filesystem that fails, answers short, or answers late.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "support/lockfs.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::LockFs;
using test::Tensors;

/// 200 tensors of 40 KB, and one of several reads in the middle.
Tensors many_tensors() {
  Tensors tensors;
  for (int i = 0; i < 200; ++i) {
    tensors.add("t" + std::to_string(1000 + i), Dtype::u8, {40'000}, static_cast<std::uint8_t>(i));
    if (i == 100) tensors.add("t1100large", Dtype::u8, {10'000'000}, 3);
  }
  return tensors;
}

class LoadOverLockFs : public ::testing::Test {
 protected:
  void SetUp() override {
    TENSORHOLD_NEEDS_LOCKFS();
    fs.emplace();
    path = *fs / "model.safetensors";
    save(path, saved.list(), std::nullopt, {.durable = false});
  }
  File open_owned() const { return open(path, {.access = Access::owned}); }
  static Plan all_of(const File& file) {
    Plan plan(file);
    plan.add_all();
    return plan;
  }
  void expect_saved(const std::vector<Tensor>& tensors) const {
    ASSERT_EQ(tensors.size(), saved.list().size());
    for (std::size_t i = 0; i < tensors.size(); ++i)
      EXPECT_TRUE(test::same_bytes(tensors[i].bytes(), saved.list()[i].bytes)) << i;
  }

  std::optional<LockFs> fs;
  std::string path;
  const Tensors saved = many_tensors();
};

TEST_F(LoadOverLockFs, ShortReadsAndInterruptedOnesAreNoErrors) {
  fs->set("short-reads");
  expect_saved(all_of(open_owned()).load());
  fs->set("eintr-every", 3);
  expect_saved(all_of(open_owned()).load());
}

TEST_F(LoadOverLockFs, AReadErrorNamesTheTensorAndTheByteAndLeavesNothing) {
  fs->set("no-mmap");
  const File file = open_owned();
  const Plan plan = all_of(file);
  for (const char* name : {"t1007", "t1100large", "t1199"}) {
    const TensorInfo info = file.info(*file.find(name));
    fs->set("eio-at", info.offset + info.nbytes / 2);
    const Result<std::vector<Tensor>> loaded = plan.try_load();
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code(), Code::io_error);
    EXPECT_EQ(loaded.error().os_error(), EIO);
    EXPECT_EQ(loaded.error().path(), path);
    ASSERT_TRUE(loaded.error().offset().has_value());
    // A request that fails says nothing of its first bytes: the error is at the start of a request
    // that has the byte, in the tensor that begins there.
    EXPECT_LE(*loaded.error().offset(), info.offset + info.nbytes / 2);
    const TensorInfo named = file.info(*file.find(loaded.error().tensor()));
    EXPECT_LE(named.offset, *loaded.error().offset());
    EXPECT_GT(named.offset + named.nbytes, *loaded.error().offset());

    TensorStream stream = plan.stream();
    const auto drain = [&] {
      for (;;) {
        const auto next = stream.try_next();
        if (!next) return next.error().code();
        if (!next.value()) return Code::cancelled;  // the end, which must not come
      }
    };
    EXPECT_EQ(drain(), Code::io_error);
    EXPECT_FALSE(file.try_load());
  }
  fs->set("eio-at", "off");
  expect_saved(plan.load());
  file.load();
}

TEST_F(LoadOverLockFs, AReadErrorPastTheCacheIsToldToo) {
  const File file = open_owned();
  const Plan plan = all_of(file);
  fs->set("eio-at", file.info(*file.find("t1100large")).offset + 5'000'000);
  const Result<std::vector<Tensor>> loaded = plan.try_load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code(), Code::io_error) << loaded.error().what();
  EXPECT_EQ(loaded.error().tensor(), "t1100large");
  fs->set("eio-at", "off");
  expect_saved(plan.load());
}

TEST_F(LoadOverLockFs, AFileThatBecameShorterIsAnErrorWithTheByteWhereItEnds) {
  fs->set("no-mmap");
  const File file = open_owned();
  const TensorInfo info = file.info(*file.find("t1150"));
  std::filesystem::resize_file(fs->backing() / "model.safetensors", info.offset + 100);
  const Result<std::vector<Tensor>> loaded = all_of(file).try_load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code(), Code::unexpected_end);
}

TEST_F(LoadOverLockFs, ATwentiethOfTheTensorsReadsLessThanSixPercentOfTheFile) {
  Tensors tensors;
  for (int i = 0; i < 400; ++i)
    tensors.add("t" + std::to_string(1000 + i), Dtype::u8, {40'000}, static_cast<std::uint8_t>(i));
  const std::string many = *fs / "many.safetensors";
  save(many, tensors.list(), std::nullopt, {.durable = false});
  for (const bool cached : {true, false}) {
    if (!cached) fs->set("no-mmap");
    const File file = open(many, {.access = Access::owned});
    Plan plan(file);
    for (std::size_t i = 0; i < file.size(); i += 20) plan.add_at(i);
    const std::uint64_t before = fs->stats("many.safetensors").bytes_read;
    const std::vector<Tensor> loaded = plan.load();
    const std::uint64_t read = fs->stats("many.safetensors").bytes_read - before;
    EXPECT_GE(read, plan.nbytes());
    // The system may still read ahead behind the header.
    const std::uint64_t behind_header = cached ? 128 << 10 : 0;
    EXPECT_LE(read, file.file_bytes() * 6 / 100 + behind_header) << cached;
    EXPECT_TRUE(cached || read == plan.nbytes()) << read;
  }
}

TEST_F(LoadOverLockFs, RowsReadOnlyThemselves) {
  fs->set("no-mmap");
  const File file = open_owned();
  Plan plan(file);
  plan.add("t1100large", {{1'000'000, 2'000'000}});
  const std::uint64_t before = fs->stats("model.safetensors").bytes_read;
  (void)plan.load();
  EXPECT_EQ(fs->stats("model.safetensors").bytes_read - before, 1'000'000U);
}

TEST_F(LoadOverLockFs, ALoadedFileHoldsNothing) {
  fs->set("sharing");
  std::vector<Tensor> tensors = all_of(open_owned()).load();
  EXPECT_EQ(fs->stats().held, 0U);
  expect_saved(tensors);
}

}  // namespace
}  // namespace tensorhold
