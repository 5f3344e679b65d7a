// Every operation of the library under every failure that lockfs injects: it works, or ends in the
// one typed error that stands in the table; nothing is lost; and the process goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <ostream>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/lockfs.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::some_tensors;
using test::Tensors;

bool same_bytes(const File& file, const Tensors& tensors) {
  return file.size() == tensors.list().size() &&
         std::ranges::all_of(tensors.list(), [&](const SaveTensor& saved) {
           const Tensor tensor = file[saved.name];
           return test::same_bytes(tensor.bytes(), saved.bytes);
         });
}

/// A folder on lockfs with a model and a file to replace it, another such file beside lockfs, and a
/// tensor of the model that was loaded before anything fails.
struct World {
  explicit World(const test::LockFs& fs) : folder(fs.path() / "folder") {
    std::filesystem::create_directory(folder);
    for (const auto& [file, tensors] :
         {std::pair(path, &old), std::pair(source, &other), std::pair(elsewhere, &other)})
      save(file, tensors->list(), std::nullopt, {.durable = false});
    kept = open(path, {.access = Access::mapped})["large"];
    address = kept.bytes().data();
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() { std::filesystem::remove_all(folder); }
  void write_anew() const {
    save(path, old.list());
    save(source, other.list());
  }
  [[nodiscard]] std::span<const std::byte> large() const { return old.list().back().bytes; }

  const std::filesystem::path folder;
  const test::Scratch outside;
  const std::string path = folder / "model.safetensors";
  const std::string source = folder / "source.safetensors";
  const std::string elsewhere = outside / "source.safetensors";
  const std::string moved = outside / "moved.safetensors";
  const Tensors old = some_tensors(1, 3'000'000);
  const Tensors other = some_tensors(2, 3'000'000);
  Tensor kept;
  const std::byte* address = nullptr;
};

/// What stands at the path after an operation that worked.
enum class After : std::uint8_t { old, other, nothing };

struct Operation {
  void (*run)(const World&);
  After after = After::old;
};

void expect_equal(std::span<const std::byte> bytes, std::span<const std::byte> expected) {
  if (!test::same_bytes(bytes, expected)) throw std::runtime_error("wrong bytes");
}

void load(const World& world, Access access) {
  if (!same_bytes(open(world.path, {.access = access}), world.old))
    throw std::runtime_error("wrong bytes");
}

void read_guarded(const World& world) {
  const File file = open(world.path, {.access = Access::mapped, .guard = true});
  const Tensor tensor = file["large"];
  const std::vector<std::byte> read(tensor.bytes().begin(), tensor.bytes().end());
  const Tensor copy = tensor.copy();  // raises what the guard found
  expect_equal(read, world.large());
}

void copy_slice(const World& world) {
  const Tensor tensor = open(world.path, {.access = Access::owned})["large"];
  const Tensor copy = tensor.slice({{1000, 2'900'000}}).copy();
  expect_equal(copy.bytes(), world.large().subspan(1000, 2'899'000));
}

void copy_mapped(const World& world) {
  const Tensor copy = open(world.path, {.access = Access::mapped})["large"].copy();
  expect_equal(copy.bytes(), world.large());
}

void save_over_itself(const World& world) {
  const File file = open(world.path, {.access = Access::mapped});
  std::vector<Tensor> tensors;
  std::vector<SaveTensor> list;
  for (const SaveTensor& saved : world.old.list()) tensors.push_back(file[saved.name]);
  for (const Tensor& tensor : tensors) list.emplace_back(tensor);
  save(world.path, list);
}

const std::map<std::string, Operation> operations{
    {"load owned", {[](const World& world) { load(world, Access::owned); }}},
    {"load automatic", {[](const World& world) { load(world, Access::automatic); }}},
    {"read guarded", {read_guarded}},
    {"copy mapped", {copy_mapped}},
    {"copy slice", {copy_slice}},
    {"save", {[](const World& world) { save(world.path, world.other.list()); }, After::other}},
    {"save over itself", {save_over_itself}},
    {"replace",
     {[](const World& world) { (void)replace(world.source, world.path); }, After::other}},
    {"move in",
     {[](const World& world) { (void)replace(world.elsewhere, world.path); }, After::other}},
    {"move out",
     {[](const World& world) { (void)replace(world.path, world.moved); }, After::nothing}},
    {"remove", {[](const World& world) { (void)tensorhold::remove(world.path); }, After::nothing}},
    {"release", {[](const World& world) { (void)release(world.path); }}},
};

std::string outcome_of(const Operation& operation, const World& world) {
  try {
    operation.run(world);
    return "works";
  } catch (const Error& error) {
    // Every error says which file it is about and what to do.
    EXPECT_FALSE(error.path().empty()) << error.what();
    EXPECT_FALSE(error.advice().empty()) << error.what();
    return std::string(to_string(error.code()));
  }
}

struct Failure {
  const char* name;
  std::string switches;                            ///< lines for lockfs, but for the last value
  std::string value = "on";                        ///< the last value
  std::map<std::string, std::string> errors = {};  ///< operation: code; all others work
  bool litter = false;  ///< the system lets nobody remove a temporary file either
  /// What was not synced counts as lost: it works again once that was written anew.
  bool anew = false;
};

void PrintTo(const Failure& failure, std::ostream* out) { *out << failure.name; }

class Failures : public ::testing::TestWithParam<Failure> {
 protected:
  static void expect_at_path(const World& world, After after) {
    if (after == After::nothing) {
      EXPECT_FALSE(std::filesystem::exists(world.path));
    } else {
      EXPECT_TRUE(same_bytes(open(world.path), after == After::old ? world.old : world.other));
    }
    for (const std::string& name : test::Scratch::names_in(world.folder))
      EXPECT_TRUE(name == "model.safetensors" || name == "source.safetensors" ||
                  (GetParam().litter && name.starts_with(".model.safetensors.tensorhold-")))
          << name;
    for (const std::string& name : world.outside.names())
      EXPECT_TRUE(name == "moved.safetensors" || name == "source.safetensors") << name;
  }
  static void expect_kept(const World& world) {
    EXPECT_EQ(world.kept.bytes().data(), world.address);
    EXPECT_TRUE(test::same_bytes(world.kept.bytes(), world.large()));
  }
};

TEST_P(Failures, EndInATypedErrorWithNothingLostAndTheProcessGoesOn) {
  TENSORHOLD_NEEDS_LOCKFS();
  const Failure& failure = GetParam();
  const test::LockFs fs;
  for (const auto& [name, operation] : operations) {
    SCOPED_TRACE(name);
    World world(fs);
    fs.set(failure.switches, failure.value);
    const auto found = failure.errors.find(name);
    const std::string expected = found == failure.errors.end() ? "works" : found->second;
    EXPECT_EQ(outcome_of(operation, world), expected);
    fs.all_off();
    const bool done = expected == "works" || expected == "not_durable";
    expect_at_path(world, done ? operation.after : After::old);
    expect_kept(world);
    if (!done) {
      if (failure.anew) world.write_anew();
      EXPECT_EQ(outcome_of(operation, world), "works");
      expect_at_path(world, operation.after);
      expect_kept(world);
    }
    world.kept = {};
    EXPECT_EQ(fs.stats().held, 0U);
  }
}

std::map<std::string, std::string> no_writes(const std::string& code) {
  return {{"save", code}, {"save over itself", code}, {"move in", code}};
}

// What cannot be read: owned tensors say so, and mapped ones before anything is changed.
const std::map<std::string, std::string> no_reads{
    {"load owned", "io_error"},  {"load automatic", "io_error"},   {"copy slice", "io_error"},
    {"copy mapped", "io_error"}, {"save over itself", "io_error"}, {"read guarded", "damaged"},
    {"move out", "io_error"},    {"release", "io_error"}};
const std::map<std::string, std::string> no_header{
    {"load owned", "io_error"},  {"load automatic", "io_error"},   {"copy slice", "io_error"},
    {"copy mapped", "io_error"}, {"save over itself", "io_error"}, {"read guarded", "io_error"},
    {"move out", "io_error"}};
std::map<std::string, std::string> no_sync(const std::string& code) {
  return {{"save", code},
          {"save over itself", code},
          {"replace", code},
          {"move in", code},
          {"move out", code}};
}

INSTANTIATE_TEST_SUITE_P(
    LockFs, Failures,
    ::testing::Values(
        Failure{"NoMmap", "no-mmap"}, Failure{"NoTruncate", "no-truncate"},
        Failure{"NoRename",
                "no-rename",
                "on",
                {{"save", "permission_denied"},
                 {"save over itself", "permission_denied"},
                 {"replace", "permission_denied"},
                 {"move in", "permission_denied"}}},
        Failure{"NoAttributes", "no-attributes"}, Failure{"NoPreallocate", "no-preallocate"},
        Failure{"NoFsync", "no-fsync", "on", no_sync("not_durable")},
        Failure{"FsyncFails", "eio-fsync", "on", no_sync("io_error"), /*litter=*/false,
                /*anew=*/true},
        Failure{"FsyncOfTheFolderFails", "eio-fsyncdir", "on", no_sync("not_durable")},
        Failure{"CloseFails", "eio-close"}, Failure{"Latency", "latency-us", "500"},
        Failure{"FullAtOnce", "enospc-after", "0", no_writes("no_space")},
        Failure{"FullInTheData", "enospc-after", "1000000", no_writes("no_space")},
        Failure{"FullWithoutPreallocation", "no-preallocate on\nenospc-after", "1000000",
                no_writes("no_space")},
        Failure{"WriteErrorInTheData", "eio-write-at", "2000000", no_writes("io_error")},
        Failure{"ReadErrorInTheData", "eio-at", "2000000", no_reads},
        Failure{"ReadErrorInTheHeader", "eio-at", "3", no_header},
        // The kernel takes a short answer for the end of the file when it fills a page of a
        // mapping.
        Failure{"ShortReads",
                "short-reads",
                "on",
                {{"copy mapped", "io_error"},
                 {"save over itself", "io_error"},
                 {"read guarded", "damaged"},
                 {"release", "io_error"}}},
        Failure{"ShortWrites", "short-writes"}, Failure{"Interrupted", "eintr-every", "3"},
        Failure{"Sharing", "sharing"}, Failure{"DenyWrite", "deny-write"},
        Failure{"Scanner",
                "sharing on\nscanner-us",
                "3600000000",
                {{"save", "file_in_use"},
                 {"save over itself", "file_in_use"},
                 {"replace", "file_in_use"},
                 {"move in", "file_in_use"},
                 {"move out", "file_in_use"},
                 {"remove", "file_in_use"}},
                /*litter=*/true}),
    [](const auto& failure) { return std::string(failure.param.name); });

}  // namespace
}  // namespace tensorhold
