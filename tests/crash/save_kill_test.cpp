// A save that is killed at any system call leaves the old file or the new one, whole, under its
// name; what else it leaves is recognisable, and the first save of a process in the folder removes
// it.
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <filesystem>
#include <optional>
#include <string>

#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "kill_at_syscall.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "recover/leftovers.hpp"
#include "tensorhold/file.hpp"
#include "tensorhold/writer.hpp"

namespace tensorhold {
namespace {

using test::KillOutcome;
using test::Remains;
using test::Scratch;
using test::some_tensors;
using test::Tensors;
namespace fs = std::filesystem;

struct Scenario {
  const char* name;
  Tensors tensors;
  SaveOptions options{};
  bool replaces = true;         // an older file is there
  bool through_link = false;    // the path is a link into another folder
  bool with_left_over = false;  // an earlier kill left a temporary
  bool by_writer = false;       // in pieces, with a Writer
};

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Sees what the kills of one scenario led to.
class Kills {
 public:
  explicit Kills(const Scenario& scenario)
      : scenario_(scenario),
        old_bytes_(scenario.replaces ? text_of(save_bytes(some_tensors(200, 50'000).list())) : ""),
        remains_(old_bytes_, text_of(save_bytes(scenario.tensors.list()))) {}

  void run() {
    const testing::ScopedTrace trace(__FILE__, __LINE__, scenario_.name);
    if (test::kill_at_each_stop([&](unsigned stop) { return run_to(stop); })) finish();
  }

 private:
  KillOutcome run_to(unsigned stop) {
    const Scratch scratch;
    const fs::path folder = scratch.folder() / "folder";
    fs::create_directory(folder);
    const std::string target = (folder / "f").string();
    const std::string path = scenario_.through_link ? scratch / "link" : target;
    if (scenario_.through_link) fs::create_symlink("folder/f", path);
    if (scenario_.replaces) test::write_file(target, old_bytes_);
    if (scenario_.with_left_over)
      test::write_file((folder / os::make_temporary_name("f", 1)).string(), "left");
    const auto work = [&] {
      if (scenario_.by_writer)
        write_in_pieces(path);
      else
        save(path, scenario_.tensors.list(), std::nullopt, scenario_.options);
    };
    const KillOutcome outcome = test::kill_at_syscall(work, stop);
    if (outcome.end == KillOutcome::End::killed || outcome.end == KillOutcome::End::finished)
      (void)remains_.look(folder, outcome, scenario_.with_left_over ? 1 : 0);
    if (outcome.end == KillOutcome::End::killed) clean(path, folder, stop);
    return outcome;
  }

  void write_in_pieces(const std::string& path) const {
    std::vector<TensorLayout> layout;
    for (const SaveTensor& tensor : scenario_.tensors.list())
      layout.push_back(
          {std::string(tensor.name), tensor.dtype, {tensor.shape.begin(), tensor.shape.end()}});
    Writer writer(path, layout, std::nullopt, scenario_.options);
    for (const SaveTensor& tensor : scenario_.tensors.list()) {
      const std::size_t half = tensor.bytes.size() / 2;
      writer.write_at(tensor.name, half, tensor.bytes.subspan(half));
      writer.write_at(tensor.name, 0, tensor.bytes.first(half));
    }
    writer.commit();
  }

  // In turns, by what saves do first and by a whole one.
  void clean(const std::string& path, const fs::path& folder, unsigned stop) {
    const bool file_there = fs::exists(folder / "f");
    if (stop % 2 == 0) {
      io::remove_stale_temporaries(path);
      EXPECT_EQ(Scratch::names_in(folder).size(), file_there ? 1U : 0U);
      return;
    }
    save(path, scenario_.tensors.list(), std::nullopt, scenario_.options);
    EXPECT_EQ(Scratch::names_in(folder), std::vector<std::string>{"f"});
    EXPECT_EQ(test::read_file((folder / "f").string()), remains_.new_bytes());
  }

  // The kills really hit the steps that matter.
  void finish() const {
    remains_.expect_both_seen();
    EXPECT_GT(remains_.left(), 0U);
    for (const long call : {SYS_openat, SYS_fallocate, SYS_pwritev, SYS_renameat})
      EXPECT_TRUE(remains_.calls().contains(call)) << call;
    EXPECT_EQ(remains_.calls().contains(SYS_fsync), scenario_.options.durable);
  }

  const Scenario& scenario_;
  const std::string old_bytes_;
  Remains remains_;
};

void expect_whole(const Scenario& scenario) {
  Kills kills(scenario);
  kills.run();
}

TEST(SaveKilled, OverAFile) { expect_whole({"over a file", some_tensors(1)}); }

TEST(SaveKilled, WhereNoFileIs) {
  expect_whole({.name = "new file", .tensors = some_tensors(2), .replaces = false});
}

TEST(SaveKilled, NotDurable) {
  expect_whole({.name = "not durable", .tensors = some_tensors(3), .options = {.durable = false}});
}

TEST(SaveKilled, ThroughALink) {
  expect_whole({.name = "through a link",
                .tensors = some_tensors(4),
                .options = {.follow_symlink = true},
                .through_link = true});
}

TEST(SaveKilled, AfterAnEarlierKill) {
  expect_whole({.name = "after a kill", .tensors = some_tensors(5), .with_left_over = true});
}

TEST(SaveKilled, WithAWriter) {
  expect_whole({.name = "writer", .tensors = some_tensors(6), .by_writer = true});
}

TEST(SaveKilled, PastThePageCache) {
  expect_whole(
      {.name = "large", .tensors = some_tensors(7, 17'000'000), .options = {.threads = 1}});
}

TEST(SaveKilled, BetweenManyWrites) {
  Tensors tensors;
  for (unsigned i = 0; i < 3000; ++i)
    tensors.add("t" + std::to_string(i), Dtype::i16, {i % 9}, static_cast<std::uint8_t>(i));
  tensors.add("large", Dtype::u8, {3'000'000}, 9);
  expect_whole({.name = "many writes", .tensors = std::move(tensors)});
}

}  // namespace
}  // namespace tensorhold
