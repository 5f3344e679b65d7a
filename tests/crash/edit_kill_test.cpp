// An edit that is killed at any system call leaves the old file or the new one, whole, once the
// file is opened, saved or edited again; then nothing else is left.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "../support/journal.hpp"
#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "kill_at_syscall.hpp"
#include "tensorhold/edit.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::KillOutcome;
using test::Scratch;
using test::some_tensors;
using test::Tensors;

struct Scenario {
  std::string old_bytes;
  std::string new_bytes;
  std::function<void(const std::string& path)> edit;
  bool in_place = true;
};

// What stands at the path after the way of an open, of an edit, or of a save that fails.
void use_again(const std::string& path, unsigned stop) {
  if (stop % 3 == 0) {
    (void)open(path);
  } else if (stop % 3 == 1) {
    (void)edit_metadata(path, {});
  } else {
    const std::uint64_t shape = 1;
    const std::byte byte{};
    const SaveTensor twice("a", Dtype::u8, {&shape, 1}, {&byte, 1});
    StopSource stopped;
    stopped.request_stop();
    EXPECT_FALSE(try_save(path, {&twice, 1}, std::nullopt, {.stop = stopped.token()}));
  }
}

void expect_whole(const Scenario& scenario) {
  unsigned old_seen = 0;
  unsigned new_seen = 0;
  unsigned journals = 0;
  const bool finished = test::kill_at_each_stop([&](unsigned stop) {
    const Scratch scratch;
    const std::string path = scratch / "f";
    test::write_file(path, scenario.old_bytes);
    const KillOutcome outcome = test::kill_at_syscall([&] { scenario.edit(path); }, stop);
    const bool done = outcome.end == KillOutcome::End::finished;
    if (!done && outcome.end != KillOutcome::End::killed) return outcome;
    const bool journal = !test::journal_in(scratch.folder()).empty();
    if (done) {
      EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
    }
    journals += journal ? 1 : 0;
    use_again(path, stop);
    const std::string bytes = test::read_file(path);
    const bool is_new = bytes == scenario.new_bytes;
    EXPECT_TRUE(is_new || bytes == scenario.old_bytes) << "torn";
    EXPECT_TRUE(is_new || !journal) << "a journal that was not followed";
    EXPECT_TRUE(is_new || new_seen == 0) << "killed later, but the old file is back";
    (is_new ? new_seen : old_seen) += 1;
    // What is left before the journal has its name goes with the next edit or save.
    if (stop % 3 != 0) {
      EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
    }
    (void)edit_metadata(path, {});
    EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
    return outcome;
  });
  if (!finished) return;
  EXPECT_GT(old_seen, 10U);
  EXPECT_GT(new_seen, 10U);
  EXPECT_EQ(journals > 6, scenario.in_place) << journals;
}

std::string file_of(const Tensors& tensors, const Metadata& metadata) {
  const Scratch scratch;
  save(scratch / "f", tensors.list(), metadata, {.reserve_header = 20'000});
  return test::read_file(scratch / "f");
}

std::string edited(const std::string& old, const std::function<void(const std::string&)>& edit) {
  const Scratch scratch;
  test::write_file(scratch / "f", old);
  edit(scratch / "f");
  return test::read_file(scratch / "f");
}

Scenario scenario_of(std::string old, std::function<void(const std::string&)> edit) {
  std::string wanted = edited(old, edit);
  EXPECT_NE(old, wanted);
  return {std::move(old), std::move(wanted), std::move(edit)};
}

TEST(EditKilled, OfMetadataInPlace) {
  for (const bool durable : {true, false})
    expect_whole(scenario_of(file_of(some_tensors(1), {{"a", "1"}}), [=](const std::string& path) {
      (void)edit_metadata(path, {.set = {{"a", std::string(15'000, 'x')}}, .remove = {}},
                          {.durable = durable});
    }));
}

TEST(EditKilled, OfMetadataByANewFile) {
  Scenario scenario =
      scenario_of(file_of(some_tensors(1), {{"a", "1"}}), [](const std::string& path) {
        (void)edit_metadata(path, {.set = {{"a", std::string(25'000, 'x')}}, .remove = {}});
      });
  scenario.in_place = false;
  expect_whole(scenario);
}

TEST(EditKilled, OfATensor) {
  const Tensors other = some_tensors(7, 2'000'000);
  expect_whole(scenario_of(
      file_of(some_tensors(1, 2'000'000), {{"a", "1"}}),
      [&](const std::string& path) { (void)overwrite(path, "large", other.list().back().bytes); }));
}

TEST(EditKilled, OfALargeTensor) {
  const Tensors other = some_tensors(7, 17'000'000);
  expect_whole(
      scenario_of(file_of(some_tensors(1, 17'000'000), {{"a", "1"}}), [&](const std::string& path) {
        (void)overwrite(path, "large", other.list().back().bytes, {.threads = 1});
      }));
}

}  // namespace
}  // namespace tensorhold
