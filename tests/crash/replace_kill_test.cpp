// A replace() that is killed at any system call leaves the old file or the new one, whole, under
// its name, and never loses the new one; what else it leaves is recognisable, and the first
// replacement or save of a process in the folder removes it.
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "kill_at_syscall.hpp"
#include "tensorhold/file.hpp"
#include "tensorhold/hold.hpp"
#include "tensorhold/save.hpp"

namespace tensorhold {
namespace {

using test::KillOutcome;
using test::Remains;
using test::Scratch;
using test::some_tensors;
namespace fs = std::filesystem;

/// A folder on another filesystem than Scratch's, gone at the end; empty when there is none.
class Elsewhere {
 public:
  explicit Elsewhere(const Scratch& scratch) {
    std::error_code none;
    const fs::path folder = fs::path("/dev/shm") / scratch.folder().filename();
    if (!fs::create_directory(folder, none)) return;
    folder_ = folder;
    const std::string probe = (folder_ / "probe").string();
    test::write_file(probe, "x");
    fs::create_hard_link(probe, scratch.folder() / "probe", none);
    if (none != std::errc::cross_device_link) folder_.clear();
    fs::remove(probe);
  }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;
  ~Elsewhere() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }
  [[nodiscard]] const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
};

struct Scenario {
  bool across = false;   ///< the new file comes from another filesystem
  bool replaces = true;  ///< an older file is there
  bool mapped = false;   ///< and this process has it mapped
  bool durable = true;
};

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Kills {
 public:
  explicit Kills(const Scenario& scenario)
      : scenario_(scenario),
        old_bytes_(scenario.replaces ? text_of(save_bytes(some_tensors(200, 50'000).list())) : ""),
        remains_(old_bytes_, text_of(save_bytes(some_tensors(7, 100'000).list()))) {}

  void run() {
    const Scratch scratch;
    if (scenario_.across && Elsewhere(scratch).folder().empty())
      GTEST_SKIP() << "there is no second filesystem in /dev/shm";
    if (test::kill_at_each_stop([&](unsigned stop) { return run_to(stop); })) finish();
  }

 private:
  KillOutcome run_to(unsigned stop) {
    const Scratch scratch;
    const Elsewhere elsewhere(scratch);
    const fs::path folder = scratch.folder() / "folder";
    fs::create_directory(folder);
    const std::string target = (folder / "f").string();
    const std::string from =
        ((scenario_.across ? elsewhere.folder() : scratch.folder()) / "new").string();
    test::write_file(from, remains_.new_bytes());
    if (scenario_.replaces) test::write_file(target, old_bytes_);
    Tensor tensor;
    if (scenario_.mapped) tensor = open(target, {.access = Access::mapped})["large"];
    const KillOutcome outcome = test::kill_at_syscall(
        [&] { (void)replace(from, target, {.durable = scenario_.durable}); }, stop);
    if (outcome.end != KillOutcome::End::killed && outcome.end != KillOutcome::End::finished)
      return outcome;
    const bool is_new = remains_.look(folder, outcome);
    const bool still_there = fs::exists(from);
    EXPECT_TRUE(is_new || still_there) << "the new file is lost";
    EXPECT_TRUE(!still_there || test::read_file(from) == remains_.new_bytes());
    EXPECT_FALSE(outcome.end == KillOutcome::End::finished && still_there);
    if (outcome.end == KillOutcome::End::killed) clean(folder, stop);
    if (tensor.valid()) {
      EXPECT_EQ(tensor.bytes()[77], some_tensors(200, 50'000).list().back().bytes[77]);
    }
    return outcome;
  }

  // In turns, by a replacement and by a save.
  void clean(const fs::path& folder, unsigned stop) {
    const std::string target = (folder / "f").string();
    if (stop % 2 == 0) {
      const std::string another = (folder.parent_path() / "another").string();
      test::write_file(another, remains_.new_bytes());
      (void)replace(another, target, {.durable = false});
    } else {
      save(target, some_tensors(1).list());
    }
    EXPECT_EQ(Scratch::names_in(folder), std::vector<std::string>{"f"});
  }

  // The kills really hit the steps that matter.
  void finish() const {
    remains_.expect_both_seen();
    EXPECT_EQ(remains_.left() > 0, scenario_.across);
    EXPECT_TRUE(remains_.calls().contains(SYS_renameat));
    EXPECT_EQ(remains_.calls().contains(SYS_pwritev), scenario_.across);
    EXPECT_EQ(remains_.calls().contains(SYS_fsync), scenario_.durable);
  }

  const Scenario scenario_;
  const std::string old_bytes_;
  Remains remains_;
};

TEST(ReplaceKilled, OnOneFilesystem) { Kills({}).run(); }
TEST(ReplaceKilled, WhereNoFileIs) { Kills({.replaces = false}).run(); }
TEST(ReplaceKilled, WhileTheFileIsMapped) { Kills({.mapped = true}).run(); }
TEST(ReplaceKilled, NotDurable) { Kills({.durable = false}).run(); }
TEST(ReplaceKilled, AcrossFilesystems) { Kills({.across = true}).run(); }
TEST(ReplaceKilled, AcrossFilesystemsWhereNoFileIs) {
  Kills({.across = true, .replaces = false}).run();
}

}  // namespace
}  // namespace tensorhold
