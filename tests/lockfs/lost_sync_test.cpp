// A sync that fails tells once: the system forgets the bytes, and the next sync succeeds. Nothing
// that was written before counts then, wherever something syncs.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "support/lockfs.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::some_tensors;
using test::Tensors;

class LostSync : public ::testing::Test {
 protected:
  void SetUp() override {
    TENSORHOLD_NEEDS_LOCKFS();
    fs.emplace();
    path = *fs / "model.safetensors";
    save(path, old.list());
    fs->set("fsync-loses");
  }

  template <class Action>
  static std::string outcome(const Action& action) {
    try {
      action();
      return "works";
    } catch (const Error& error) {
      EXPECT_FALSE(error.advice().empty());
      return std::string(to_string(error.code()));
    }
  }

  void expect_only(const Tensors& tensors) const {
    const File file = open(path, {.access = Access::owned});
    for (const SaveTensor& saved : tensors.list()) {
      const Tensor tensor = file[saved.name];
      EXPECT_TRUE(test::same_bytes(tensor.bytes(), saved.bytes)) << saved.name;
    }
    EXPECT_EQ(test::Scratch::names_in(fs->path()), std::vector<std::string>{"model.safetensors"});
  }

  std::optional<test::LockFs> fs;
  std::string path;
  const Tensors old = some_tensors(1);
  const Tensors other = some_tensors(2, 3'000'000);
};

TEST_F(LostSync, EndsAWriter) {
  std::vector<TensorLayout> layout;
  for (const SaveTensor& tensor : other.list())
    layout.push_back(
        {std::string(tensor.name), tensor.dtype, {tensor.shape.begin(), tensor.shape.end()}});
  Writer writer(path, layout);
  for (const SaveTensor& tensor : other.list()) writer.write(tensor.name, tensor.bytes);
  EXPECT_EQ(outcome([&] { writer.commit(); }), "io_error");
  EXPECT_FALSE(writer.is_open());
  EXPECT_EQ(outcome([&] { writer.commit(); }), "closed");
  EXPECT_EQ(outcome([&] { writer.write(other.list()[0].name, other.list()[0].bytes); }), "closed");
  expect_only(old);
}

TEST_F(LostSync, FailsASaveWhichWorksWhenAllIsWrittenAgain) {
  EXPECT_EQ(outcome([&] { save(path, other.list()); }), "io_error");
  expect_only(old);
  fs->all_off();
  EXPECT_EQ(outcome([&] { save(path, other.list()); }), "works");
  expect_only(other);
}

TEST_F(LostSync, FailsAnEditThatWritesANewFile) {
  const MetadataChanges changes{.set = {{"k", std::string(9000, 'v')}}, .remove = {}};
  EXPECT_EQ(outcome([&] { (void)edit_metadata(path, changes); }), "io_error");
  expect_only(old);
  fs->all_off();
  EXPECT_EQ(outcome([&] { (void)edit_metadata(path, changes); }), "works");
  const File edited = open(path);
  EXPECT_EQ(edited.metadata().size(), 1U);
  expect_only(old);
}

TEST_F(LostSync, FailsAReplacementUntilTheNewFileIsWrittenAnew) {
  const std::string source = *fs / "new.safetensors";
  save(source, other.list(), std::nullopt, {.durable = false});
  EXPECT_EQ(outcome([&] { (void)replace(source, path); }), "io_error");
  // The system says that all is well, and the file is zeros.
  EXPECT_EQ(outcome([&] { (void)replace(source, path); }), "io_error");
  EXPECT_TRUE(std::filesystem::exists(source));
  fs->all_off();
  save(source, other.list());
  EXPECT_EQ(outcome([&] { (void)replace(source, path); }), "works");
  expect_only(other);
}

TEST_F(LostSync, FailsAMoveFromAnotherFilesystemWhichLosesNothing) {
  const test::Scratch outside;
  save(outside / "new", other.list());
  EXPECT_EQ(outcome([&] { (void)replace(outside / "new", path); }), "io_error");
  EXPECT_TRUE(std::filesystem::exists(outside / "new"));
  expect_only(old);
  fs->all_off();
  EXPECT_EQ(outcome([&] { (void)replace(outside / "new", path); }), "works");
  expect_only(other);
}

}  // namespace
}  // namespace tensorhold
