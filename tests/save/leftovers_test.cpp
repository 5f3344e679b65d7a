// What killed saves left goes with the first save of a process in the folder; opens never look.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "../support/child_posix.hpp"
#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::Scratch;
using test::some_tensors;
namespace fs = std::filesystem;

std::string leave(const Scratch& scratch, const std::string& name) {
  const std::string left = os::make_temporary_name(name, 1);
  test::write_file(scratch / left, "left by a kill");
  return left;
}

unsigned leftovers(const Scratch& scratch) {
  unsigned found = 0;
  for (const std::string& name : scratch.names()) found += os::is_leftover_name(name) ? 1 : 0;
  return found;
}

void save_one(const std::string& path) {
  save(path, some_tensors(1).list(), std::nullopt, {.durable = false});
}

TEST(Leftovers, OfAllFilesGoWithTheFirstSaveInAFolder) {
  const Scratch scratch;
  for (int step = 0; step < 5; ++step)
    leave(scratch, "checkpoint-" + std::to_string(step) + ".safetensors");
  leave(scratch, std::string(250, 'n'));
  save_one(scratch / "checkpoint-6.safetensors");
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"checkpoint-6.safetensors"});
}

TEST(Leftovers, AreLookedForOnceAProcessAndFolder) {
  const Scratch scratch;
  save_one(scratch / "f");
  leave(scratch, "f");
  save_one(scratch / "f");
  EXPECT_EQ(leftovers(scratch), 1U);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {  // a process of its own
    save_one(scratch / "g");
    return leftovers(scratch) == 0 ? "" : "still there";
  }));
}

TEST(Leftovers, GoInAFolderThatWasMadeAnewAtTheSamePath) {
  const Scratch scratch;
  const std::string folder = scratch / "folder";
  for (int round = 0; round < 3; ++round) {
    fs::create_directory(folder);
    test::write_file(folder + "/" + os::make_temporary_name("f", 1), "left");
    save_one(folder + "/f");
    EXPECT_EQ(Scratch::names_in(folder), std::vector<std::string>{"f"}) << round;
    fs::remove_all(folder);
  }
}

TEST(Leftovers, GoWithEditsAndReplacementsToo) {
  const Scratch scratch;
  save_one(scratch / "new");
  fs::create_directory(scratch / "a");
  fs::create_directory(scratch / "b");
  fs::copy_file(scratch / "new", scratch / "a/f");
  for (const char* const folder : {"a", "b"})
    test::write_file(scratch / (std::string(folder) + "/" + os::make_temporary_name("x", 1)), "l");
  (void)edit_metadata(scratch / "a/f", {.set = {{"k", "v"}}, .remove = {}});
  EXPECT_EQ(Scratch::names_in(scratch.folder() / "a"), std::vector<std::string>{"f"});
  (void)replace(scratch / "new", scratch / "b/f");
  EXPECT_EQ(Scratch::names_in(scratch.folder() / "b"), std::vector<std::string>{"f"});
}

TEST(Leftovers, AreNotLookedForByOpens) {
  const Scratch scratch;
  save_one(scratch / "f");
  leave(scratch, "f");
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    (void)open(scratch / "f");
    return leftovers(scratch) == 1 ? "" : "an open removed it";
  }));
}

TEST(Leftovers, GoInAFolderOfManyFiles) {
  const Scratch scratch;
  for (int i = 0; i < 25'000; ++i) test::write_file(scratch / std::to_string(i), "");
  for (int i = 0; i < 10; ++i) leave(scratch, std::to_string(i));
  save_one(scratch / "f");
  EXPECT_EQ(leftovers(scratch), 0U);
}

TEST(Leftovers, OfLivingWritersStay) {
  const Scratch scratch;
  Writer writer(scratch / "f", std::vector{TensorLayout{"a", Dtype::u8, {4}}});
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    save_one(scratch / "g");
    return leftovers(scratch) == 1 ? "" : "removed";
  }));
  EXPECT_EQ(leftovers(scratch), 1U);
}

}  // namespace
}  // namespace tensorhold
