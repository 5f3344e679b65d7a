// Every edit under every failure that lockfs injects: it is made, or not at all, or the error says
// that the next open finishes it, which then does. The error is the one that stands in the table.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "support/journal.hpp"
#include "support/lockfs.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::some_tensors;
using test::Tensors;

constexpr const char* name = "model.safetensors";
constexpr std::uint64_t large_bytes = 3'000'000;

using Edit = void (*)(const std::string& path);

const std::map<std::string, Edit> edits{
    {"metadata",
     [](const std::string& path) {
       (void)edit_metadata(path, {.set = {{"key", std::string(1000, 'x')}}, .remove = {}});
     }},
    {"metadata without room",
     [](const std::string& path) {
       (void)edit_metadata(path, {.set = {{"key", std::string(9000, 'x')}}, .remove = {}});
     }},
    {"tensor",
     [](const std::string& path) {
       const Tensors other = some_tensors(2, large_bytes);
       (void)overwrite(path, "large", other.list().back().bytes);
     }},
};

void make_model(const std::string& path) {
  const Tensors tensors = some_tensors(1, large_bytes);
  save(path, tensors.list(), Metadata{{"key", "value"}}, {.reserve_header = 7000});
}

/// What an edit makes of the model where nothing fails.
std::string edited(Edit edit) {
  const test::Scratch scratch;
  const std::string path = scratch / name;
  make_model(path);
  edit(path);
  return test::read_file(path);
}

/// How an edit ended: "works", or the error's code, with "later: " before it when the error says
/// that the edit will be finished.
std::string outcome_of(Edit edit, const std::string& path) {
  try {
    edit(path);
    return "works";
  } catch (const Error& error) {
    EXPECT_FALSE(error.path().empty()) << error.what();
    EXPECT_FALSE(error.advice().empty()) << error.what();
    const bool later = error.advice().find("finishes the edit") != std::string::npos;
    return (later ? "later: " : "") + std::string(to_string(error.code()));
  }
}

struct Failure {
  const char* name;
  std::string switches;                              ///< lines for lockfs, but for the last value
  std::string value = "on";                          ///< the last value
  std::map<std::string, std::string> outcomes = {};  ///< of edits; all others work
  bool litter = false;  ///< the system lets nobody remove a file that is not the model either
};

void PrintTo(const Failure& failure, std::ostream* out) { *out << failure.name; }

class EditFailures : public ::testing::TestWithParam<Failure> {};

TEST_P(EditFailures, LeaveTheOldFileOrTheNewOne) {
  TENSORHOLD_NEEDS_LOCKFS();
  const Failure& failure = GetParam();
  for (const auto& [title, edit] : edits) {
    SCOPED_TRACE(title);
    const std::string wanted = edited(edit);
    const test::LockFs fs;
    const std::string path = fs / name;
    const std::string stored = fs.backing() / name;  // past the failures and the page cache
    make_model(path);
    const std::string old = test::read_file(stored);
    const Tensor kept = open(path, {.access = Access::mapped})["large"];
    const std::vector<std::byte> values(kept.bytes().begin(), kept.bytes().end());

    fs.set(failure.switches, failure.value);
    const auto found = failure.outcomes.find(title);
    const std::string outcome = found == failure.outcomes.end() ? "works" : found->second;
    EXPECT_EQ(outcome_of(edit, path), outcome);
    fs.all_off();

    const bool later = outcome.starts_with("later");
    const bool done = outcome == "works" || outcome == "not_durable";
    const std::vector<std::string> names = test::Scratch::names_in(fs.path());
    EXPECT_EQ(std::ranges::any_of(names, test::is_journal), later || (failure.litter && done));
    if (!later && !failure.litter) {
      EXPECT_EQ(names, std::vector<std::string>{name});
    }
    (void)open(path);  // finishes the edit, and the kernel learns the file's size again
    EXPECT_TRUE(test::read_file(stored) == (done || later ? wanted : old));
    EXPECT_TRUE(test::same_bytes(kept.bytes(), values));

    EXPECT_EQ(outcome_of(edit, path), "works");
    EXPECT_TRUE(test::read_file(stored) == wanted);
    EXPECT_EQ(test::Scratch::names_in(fs.path()), std::vector<std::string>{name});
    EXPECT_TRUE(test::same_bytes(kept.bytes(), values));
  }
}

std::map<std::string, std::string> all(const std::string& code) {
  return {{"metadata", code}, {"metadata without room", code}, {"tensor", code}};
}

INSTANTIATE_TEST_SUITE_P(
    LockFs, EditFailures,
    ::testing::Values(
        Failure{"NoMmap", "no-mmap"}, Failure{"NoTruncate", "no-truncate"},
        Failure{"NoRename", "no-rename", "on", all("permission_denied")},
        Failure{"NoAttributes", "no-attributes"}, Failure{"NoPreallocate", "no-preallocate"},
        Failure{"NoFsync", "no-fsync", "on", all("not_durable")},
        Failure{"FsyncFails",
                "eio-fsync",
                "on",
                {{"metadata", "io_error"},
                 {"metadata without room", "io_error"},
                 {"tensor", "io_error"}}},
        Failure{"FsyncOfTheFolderFails",
                "eio-fsyncdir",
                "on",
                {{"metadata", "io_error"},
                 {"metadata without room", "not_durable"},
                 {"tensor", "io_error"}}},
        Failure{"CloseFails", "eio-close"}, Failure{"Latency", "latency-us", "500"},
        Failure{"FullAtOnce", "enospc-after", "0", all("no_space")},
        Failure{"FullInTheJournal",
                "enospc-after",
                "1000000",
                {{"metadata without room", "no_space"}, {"tensor", "no_space"}}},
        Failure{"FullInTheFile", "enospc-after", "4500000", {{"tensor", "later: no_space"}}},
        Failure{"FullWithoutPreallocation",
                "no-preallocate on\nenospc-after",
                "1000000",
                {{"metadata without room", "no_space"}, {"tensor", "no_space"}}},
        Failure{"WriteErrorInTheHeader", "eio-write-at", "10", all("io_error")},
        Failure{"WriteErrorInTheData",
                "eio-write-at",
                "2000000",
                {{"metadata without room", "io_error"}, {"tensor", "io_error"}}},
        // Beyond the end of the journal.
        Failure{"WriteErrorInTheFile",
                "eio-write-at",
                "3004000",
                {{"metadata without room", "io_error"}, {"tensor", "later: io_error"}}},
        // Own tensors are released before their bytes are written over.
        Failure{"ReadErrorInTheData",
                "eio-at",
                "2000000",
                {{"metadata without room", "io_error"}, {"tensor", "io_error"}}},
        Failure{"ReadErrorInTheHeader", "eio-at", "3", all("io_error")},
        // The kernel takes a short answer for the end of the file when it fills a page of a
        // mapping, which a release reads.
        Failure{"ShortReads", "short-reads", "on", {{"tensor", "io_error"}}},
        Failure{"ShortWrites", "short-writes"}, Failure{"Interrupted", "eintr-every", "3"},
        Failure{"Sharing", "sharing"},
        // The lock alone holds the file.
        Failure{"DenyWrite", "deny-write", "on", all("file_in_use")},
        Failure{"Scanner",
                "sharing on\nscanner-us",
                "3600000000",
                {{"metadata without room", "file_in_use"}},
                /*litter=*/true}),
    [](const auto& failure) { return std::string(failure.param.name); });

}  // namespace
}  // namespace tensorhold
