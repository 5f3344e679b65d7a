// A replace() that is killed at any system call leaves the old file or the new one, whole, under
// its name, and never loses the new one; what else it leaves is recognisable, and the next open or
// save of that file removes it.
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <filesystem>
#include <set>
#include <string>
#include <system_error>

#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "kill_at_syscall.hpp"
#include "os/temporary_name.hpp"
#include "tensorhold/file.hpp"
#include "tensorhold/hold.hpp"
#include "tensorhold/save.hpp"

namespace tensorhold {
namespace {

using test::KillOutcome;
using test::Scratch;
using test::some_tensors;
namespace fs = std::filesystem;

constexpr unsigned stop_limit = 4000;

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

class Kills {
 public:
  explicit Kills(const Scenario& scenario) : scenario_(scenario) {
    const auto text = [](const std::vector<std::byte>& bytes) {
      return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    old_bytes_ = text(save_bytes(some_tensors(200, 50'000).list()));
    new_bytes_ = text(save_bytes(some_tensors(7, 100'000).list()));
  }

  void run() {
    for (unsigned stop = 0; stop < stop_limit; ++stop) {
      KillOutcome outcome;
      bool runs = true;
      run_to(stop, outcome, runs);
      if (!runs) GTEST_SKIP() << "there is no second filesystem in /dev/shm";
      if (outcome.end == KillOutcome::End::untraced) GTEST_SKIP() << "this machine forbids ptrace";
      ASSERT_NE(outcome.end, KillOutcome::End::failed) << "stop " << stop;
      if (testing::Test::HasFailure()) FAIL() << "stop " << stop << " system call " << outcome.call;
      if (outcome.end == KillOutcome::End::finished) return finish();
    }
    FAIL() << "the replacement never ends";
  }

 private:
  void run_to(unsigned stop, KillOutcome& outcome, bool& runs) {
    const Scratch scratch;
    const Elsewhere elsewhere(scratch);
    if (scenario_.across && elsewhere.folder().empty()) {
      runs = false;
      return;
    }
    const fs::path folder = scratch.folder() / "folder";
    fs::create_directory(folder);
    const std::string target = (folder / "f").string();
    const std::string from =
        ((scenario_.across ? elsewhere.folder() : scratch.folder()) / "new").string();
    test::write_file(from, new_bytes_);
    if (scenario_.replaces) test::write_file(target, old_bytes_);
    Tensor tensor;
    if (scenario_.mapped) tensor = open(target, {.access = Access::mapped})["large"];
    outcome = test::kill_at_syscall(
        [&] { (void)replace(from, target, {.durable = scenario_.durable}); }, stop);
    if (outcome.end != KillOutcome::End::killed && outcome.end != KillOutcome::End::finished)
      return;
    inspect(folder, from, outcome);
    EXPECT_FALSE(outcome.end == KillOutcome::End::finished && fs::exists(from));
    if (outcome.end == KillOutcome::End::killed) clean(folder, stop);
    if (!tensor.valid()) return;
    EXPECT_EQ(tensor.bytes()[77], some_tensors(200, 50'000).list().back().bytes[77]);
  }

  void inspect(const fs::path& folder, const std::string& from, const KillOutcome& outcome) {
    const std::string target = (folder / "f").string();
    bool is_new = false;
    if (fs::exists(target)) {
      const std::string bytes = test::read_file(target);
      is_new = bytes == new_bytes_;
      EXPECT_TRUE(is_new || (scenario_.replaces && bytes == old_bytes_))
          << "torn: " << bytes.size() << " bytes";
    } else {
      EXPECT_FALSE(scenario_.replaces) << "the old file is gone";
    }
    const bool still_there = fs::exists(from);
    EXPECT_TRUE(is_new || still_there) << "the new file is lost";
    EXPECT_TRUE(!still_there || test::read_file(from) == new_bytes_);
    EXPECT_TRUE(is_new || !was_new_) << "killed later, but the old file is back";
    was_new_ = is_new;
    (is_new ? seen_new_ : seen_old_) += 1;
    calls_.insert(outcome.call);
    for (const std::string& name : Scratch::names_in(folder)) {
      if (name == "f") continue;
      const auto parsed = os::parse_temporary_name(name);
      ASSERT_TRUE(parsed.has_value()) << name;
      EXPECT_EQ(parsed->stem, "f");
      EXPECT_EQ(parsed->pid, static_cast<std::uint64_t>(outcome.pid));
      left_ += 1;
    }
  }

  // In turns, by an open and by a save; by a save where there is nothing to open.
  void clean(const fs::path& folder, unsigned stop) {
    const std::string target = (folder / "f").string();
    if (stop % 2 == 0 && fs::exists(target))
      (void)open(target);
    else
      save(target, some_tensors(1).list());
    EXPECT_EQ(Scratch::names_in(folder), std::vector<std::string>{"f"});
  }

  // The kills really hit the steps that matter.
  void finish() const {
    EXPECT_TRUE(was_new_);
    EXPECT_GT(seen_old_, 0U);
    EXPECT_GT(seen_new_, 1U);
    EXPECT_EQ(left_ > 0, scenario_.across);
    EXPECT_TRUE(calls_.contains(SYS_renameat));
    EXPECT_EQ(calls_.contains(SYS_pwritev), scenario_.across);
    EXPECT_EQ(calls_.contains(SYS_fsync), scenario_.durable);
  }

  const Scenario scenario_;
  std::string old_bytes_;
  std::string new_bytes_;
  bool was_new_ = false;
  unsigned seen_old_ = 0;
  unsigned seen_new_ = 0;
  unsigned left_ = 0;
  std::set<long> calls_;
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
