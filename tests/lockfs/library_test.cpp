// The library over a filesystem with the habits of Windows, and over one that fails.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "os/leftovers/temporary_name.hpp"
#include "support/child_posix.hpp"
#include "support/lockfs.hpp"
#include "support/refuse_linux.hpp"
#include "support/scratch.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::LockFs;
using test::some_tensors;
using test::Tensors;

bool same_bytes(const File& file, const Tensors& tensors) {
  return std::ranges::all_of(tensors.list(), [&](const SaveTensor& saved) {
    const Tensor tensor = file[saved.name];
    return test::same_bytes(tensor.bytes(), saved.bytes);
  });
}

class OverLockFs : public ::testing::Test {
 protected:
  void SetUp() override {
    TENSORHOLD_NEEDS_LOCKFS();
    fs.emplace();
    path = *fs / "model.safetensors";
    save(path, old.list());
  }
  // What try_save says: the name of its code, or "saved".
  std::string outcome(const Tensors& tensors, const SaveOptions& options = {}) const {
    const Result<void> result = try_save(path, tensors.list(), std::nullopt, options);
    return result ? "saved" : std::string(to_string(result.error().code()));
  }
  // With every switch off: the file has these tensors, and nothing else is in the folder.
  void expect_only(const Tensors& tensors) const {
    EXPECT_TRUE(same_bytes(open(path), tensors));
    EXPECT_EQ(test::Scratch::names_in(fs->path()), std::vector<std::string>{"model.safetensors"});
    EXPECT_EQ(fs->stats().held, 0U);
  }

  std::optional<LockFs> fs;
  std::string path;
  const Tensors old = some_tensors(1);
  const Tensors other = some_tensors(2, 3'000'000);
};

TEST_F(OverLockFs, EveryAccessReadsTheSameBytes) {
  for (const Access access : {Access::automatic, Access::mapped, Access::owned}) {
    const File file = open(path, {.access = access});
    EXPECT_TRUE(same_bytes(file, old)) << file.why();
    EXPECT_EQ(file.access(), access == Access::mapped ? Access::mapped : Access::owned);
    const Tensor copy = file["large"].copy();
    EXPECT_TRUE(test::same_bytes(copy.bytes(), old.list().back().bytes));
  }
  EXPECT_EQ(fs->stats().held, 0U);
}

TEST_F(OverLockFs, AMappedTensorHoldsTheFileAndAReleaseFreesIt) {
  fs->set("sharing");
  const Tensor tensor = open(path, {.access = Access::mapped})["large"];
  const std::byte* const address = tensor.bytes().data();
  EXPECT_EQ(::unlink(path.c_str()), -1);
  EXPECT_EQ(errno, EACCES);
  const Result<Released> released = try_release(path);
  ASSERT_TRUE(released) << released.error().what();
  EXPECT_EQ(released.value().tensors, 1U);
  EXPECT_EQ(fs->stats().held, 0U);
  EXPECT_EQ(::unlink(path.c_str()), 0);
  EXPECT_EQ(tensor.bytes().data(), address);
  EXPECT_TRUE(test::same_bytes(tensor.bytes(), old.list().back().bytes));
}

TEST_F(OverLockFs, TheHoldEndsWithTheLastTensor) {
  fs->set("sharing");
  {
    const Tensor tensor = open(path, {.access = Access::mapped})["weight"];
    const Tensor second = tensor;
    EXPECT_GE(fs->stats().held, 1U);
    EXPECT_EQ(::unlink(path.c_str()), -1);
  }
  EXPECT_EQ(fs->stats().held, 0U);
  EXPECT_EQ(::unlink(path.c_str()), 0);
}

TEST_F(OverLockFs, ACopyHoldsNothing) {
  fs->set("sharing");
  const Tensor copy = open(path, {.access = Access::mapped})["large"].copy();
  EXPECT_EQ(fs->stats().held, 0U);
  EXPECT_EQ(::unlink(path.c_str()), 0);
  EXPECT_TRUE(test::same_bytes(copy.bytes(), old.list().back().bytes));
}

TEST_F(OverLockFs, AnOwnedTensorThatWasReadHoldsNothingOnceItsFileIsGone) {
  fs->set("sharing");
  const Tensor tensor = open(path, {.access = Access::owned})["large"];
  EXPECT_TRUE(test::same_bytes(tensor.bytes(), old.list().back().bytes));
  EXPECT_EQ(fs->stats().held, 0U);
  EXPECT_EQ(::unlink(path.c_str()), 0);
}

TEST_F(OverLockFs, LeftoversGoWhereOpenFilesCannotBeRemoved) {
  fs->set("sharing");
  const std::string left = *fs / os::make_temporary_name("model.safetensors", 1);
  test::write_file(left, "left by a kill");
  const std::string held = *fs / os::make_temporary_name("model.safetensors", 2);
  const int holder = ::open(held.c_str(), O_CREAT | O_RDWR, 0600);
  ASSERT_GE(holder, 0);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {  // which has not looked here yet
    save(path, other.list());
    return "";
  }));
  EXPECT_NE(::access(left.c_str(), F_OK), 0);
  EXPECT_EQ(::access(held.c_str(), F_OK), 0);
  EXPECT_EQ(::close(holder), 0);
}

TEST_F(OverLockFs, SaveOverAMappedFile) {
  const File file = open(path, {.access = Access::mapped});
  const Tensor tensor = file["large"];
  EXPECT_EQ(outcome(other), "saved");
  EXPECT_TRUE(test::same_bytes(tensor.bytes(), old.list().back().bytes));
  EXPECT_TRUE(same_bytes(open(path), other));
}

TEST_F(OverLockFs, SaveOverAFileThatOthersHoldLeavesItWhole) {
  fs->set("sharing");
  {
    const int foreign = ::open(path.c_str(), O_RDONLY);
    ASSERT_GE(foreign, 0);
    const Result<void> result = try_save(path, other.list());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().path(), path);
    EXPECT_EQ(result.error().code(), Code::file_in_use);
    EXPECT_EQ(result.error().os_error(), EACCES);
    (void)::close(foreign);
  }
  expect_only(old);
  EXPECT_EQ(outcome(other), "saved");
  expect_only(other);
}

TEST_F(OverLockFs, WithoutThePageCacheEveryAccessWorks) {
  fs->set("no-mmap");
  for (const Access access : {Access::automatic, Access::mapped, Access::owned}) {
    const Result<File> file = try_open(path, {.access = access});
    ASSERT_TRUE(file) << file.error().what();
    EXPECT_TRUE(same_bytes(file.value(), old));
  }
}

TEST_F(OverLockFs, AFilesystemThatMapsNothing) {
  // FUSE cannot refuse private mappings; a filter of the call can.
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!test::refuse(SYS_mmap, ENODEV, MAP_PRIVATE, 3)) return "skip: no filter";
    // Where mapping would be the choice if it worked.
    const File file = open(fs->backing() / "model.safetensors");
    if (file.access() != Access::owned) return "not owned";
    if (file.why().find("does not map") == std::string::npos) return "why: " + file.why();
    if (!same_bytes(file, old)) return "wrong bytes";
    const Result<File> mapped = try_open(path, {.access = Access::mapped});
    if (mapped) return "mapped";
    return mapped.error().code() == Code::cannot_map ? "" : mapped.error().what();
  }));
}

TEST_F(OverLockFs, ShortReadsAndInterruptedRequestsAreNoErrors) {
  fs->set("short-reads");
  EXPECT_TRUE(same_bytes(open(path, {.access = Access::owned}), old));
  fs->set("short-writes");
  EXPECT_EQ(outcome(other), "saved");
  fs->set("eintr-every", 2);
  EXPECT_TRUE(same_bytes(open(path, {.access = Access::owned}), other));
  EXPECT_EQ(outcome(old), "saved");
  fs->set("short-reads off\nshort-writes off\neintr-every", "off");
  expect_only(old);
}

TEST_F(OverLockFs, AReadErrorNamesTheFileAndTheFileCanBeUsedOn) {
  const File file = open(path, {.access = Access::owned});
  fs->set("no-mmap");
  const File direct = open(path, {.access = Access::owned});
  fs->set("eio-at", direct.file_bytes() - 1);
  const std::string last(direct.info(direct.size() - 1).name);
  try {
    const Tensor tensor = direct[last];
    (void)tensor.bytes();
    ADD_FAILURE() << "the error went unseen";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::io_error) << error.what();
    EXPECT_EQ(error.path(), path);
    EXPECT_EQ(error.os_error(), EIO);
  }
  fs->set("eio-at", "off");
  EXPECT_TRUE(same_bytes(direct, old));
  fs->set("eio-at", 3);
  const Result<File> refused = try_open(path, {.access = Access::owned});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::io_error);
}

TEST_F(OverLockFs, AnErrorAtCloseCountsWhereNoSyncHasSaidBetter) {
  fs->set("eio-close");
  EXPECT_EQ(outcome(other, {.durable = false}), "io_error");
  fs->set("eio-close", "off");
  expect_only(old);
  fs->set("eio-close");
  EXPECT_EQ(outcome(other), "saved");
  fs->set("eio-close", "off");
  expect_only(other);
}

TEST_F(OverLockFs, WhereRenameIsRefusedASaveInPlaceIsTheCallersChoice) {
  fs->set("no-rename");
  EXPECT_EQ(outcome(other), "permission_denied");
  EXPECT_TRUE(same_bytes(open(path), old));
  const Tensor before = open(path, {.access = Access::mapped})["large"];
  EXPECT_EQ(outcome(other, {.in_place = true}), "saved");
  EXPECT_TRUE(test::same_bytes(before.bytes(), old.list().back().bytes));  // released first
  EXPECT_TRUE(same_bytes(open(path), other));
  EXPECT_EQ(outcome(old, {.durable = false, .in_place = true}), "saved");  // shorter
  fs->set("no-truncate");
  EXPECT_EQ(outcome(other, {.in_place = true}), "saved");
  EXPECT_EQ(outcome(old, {.in_place = true}), "unsupported");
  fs->set("no-truncate off\nno-rename", "off");
  expect_only(other);
}

TEST_F(OverLockFs, AFailedWriterLeavesTheOldFileAndMayGoOn) {
  std::vector<TensorLayout> layout;
  for (const SaveTensor& tensor : other.list())
    layout.push_back(
        {std::string(tensor.name), tensor.dtype, {tensor.shape.begin(), tensor.shape.end()}});
  {
    Writer writer(path, layout);
    fs->set("eio-write-at", "2000000");
    std::string failed;
    for (const SaveTensor& tensor : other.list()) {
      const Result<void> result = writer.try_write(tensor.name, tensor.bytes);
      if (result) continue;
      EXPECT_EQ(result.error().code(), Code::io_error) << result.error().what();
      EXPECT_EQ(result.error().tensor(), tensor.name);
      failed = tensor.name;
    }
    EXPECT_EQ(failed, "large");
    fs->set("eio-write-at", "off");
    EXPECT_TRUE(same_bytes(open(path), old));
    EXPECT_EQ(writer.missing(), std::vector<std::string>{"large"});
    writer.write("large", other.list().back().bytes);
    fs->set("no-rename");
    const Result<void> refused = writer.try_commit();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::permission_denied);
    fs->set("no-rename", "off");
    writer.commit();
  }
  expect_only(other);
}

struct SaveFault {
  const char* name;
  std::string switch_name;
  std::string value;
  const char* outcome;
};

void PrintTo(const SaveFault& fault, std::ostream* out) { *out << fault.name; }

std::string name_of(const ::testing::TestParamInfo<SaveFault>& fault) { return fault.param.name; }

class SaveFaults : public OverLockFs, public ::testing::WithParamInterface<SaveFault> {};

TEST_P(SaveFaults, EndInATypedErrorOrInTheNewFile) {
  const SaveFault& fault = GetParam();
  const std::string wanted = fault.outcome;
  fs->set(fault.switch_name, fault.value);
  EXPECT_EQ(outcome(other), wanted);
  fs->set(fault.switch_name, "off");
  expect_only(wanted == "saved" || wanted == "not_durable" ? other : old);
  EXPECT_EQ(outcome(other), "saved");  // the process can go on
  expect_only(other);
}

INSTANTIATE_TEST_SUITE_P(
    All, SaveFaults,
    ::testing::Values(SaveFault{"FullAtOnce", "enospc-after", "0", "no_space"},
                      SaveFault{"FullInTheHeader", "enospc-after", "20", "no_space"},
                      SaveFault{"FullInTheData", "enospc-after", "1000000", "no_space"},
                      SaveFault{"WriteErrorInTheHeader", "eio-write-at", "0", "io_error"},
                      SaveFault{"WriteErrorInTheData", "eio-write-at", "2000000", "io_error"},
                      SaveFault{"NoRename", "no-rename", "on", "permission_denied"},
                      SaveFault{"NoPreallocation", "no-preallocate", "on", "saved"},
                      SaveFault{"NoAttributes", "no-attributes", "on", "saved"},
                      SaveFault{"NoSettingOfSizes", "no-truncate", "on", "saved"},
                      SaveFault{"NoFsync", "no-fsync", "on", "not_durable"},
                      SaveFault{"FsyncOfTheFileFails", "eio-fsync", "on", "io_error"},
                      SaveFault{"FsyncOfTheFolderFails", "eio-fsyncdir", "on", "not_durable"}),
    name_of);

}  // namespace
}  // namespace tensorhold
