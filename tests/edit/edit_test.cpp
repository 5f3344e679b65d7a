#include "tensorhold/edit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::Scratch;
using test::some_tensors;
using test::Tensors;
namespace fs = std::filesystem;

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs metadata_of(const std::string& path) {
  Pairs pairs;
  const File file = open(path);
  for (const auto& [key, value] : file.metadata()) pairs.emplace_back(key, value);
  return pairs;
}

bool holds(const File& file, const SaveTensor& saved) {
  const Tensor tensor = file[saved.name];
  return test::same_bytes(tensor.bytes(), saved.bytes);
}

bool same_bytes(const std::string& path, const Tensors& tensors) {
  const File file = open(path);
  return file.size() == tensors.list().size() &&
         std::ranges::all_of(tensors.list(),
                             [&](const SaveTensor& saved) { return holds(file, saved); });
}

Code refusal(const Result<Edited>& result) { return result ? Code{0} : result.error().code(); }

struct Saved {
  explicit Saved(const SaveOptions& options = {.reserve_header = 1000}) {
    save(path, tensors.list(), Metadata{{"format", "pt"}, {"epoch", "1"}}, options);
    size = fs::file_size(path);
  }
  void expect_alone() const { EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"}); }
  Scratch scratch;
  Tensors tensors = some_tensors(1, 3'000'000);
  std::string path = scratch / "f";
  std::uintmax_t size = 0;
};

TEST(EditMetadata, InTheRoomOfTheHeaderChangesNothingElse) {
  const Saved saved;
  const File before = open(saved.path, {.access = Access::mapped});
  const Tensor large = before["large"];
  const Edited edited =
      edit_metadata(saved.path, {.set = {{"epoch", "2"}, {"note", "a \"b\"\n"}}, .remove = {}});
  EXPECT_TRUE(edited.changed);
  EXPECT_FALSE(edited.rewritten);
  EXPECT_FALSE(edited.released);
  EXPECT_EQ(metadata_of(saved.path),
            (Pairs{{"format", "pt"}, {"epoch", "2"}, {"note", "a \"b\"\n"}}));
  EXPECT_EQ(fs::file_size(saved.path), saved.size);
  EXPECT_TRUE(same_bytes(saved.path, saved.tensors));
  EXPECT_TRUE(test::same_bytes(large.bytes(), saved.tensors.list().back().bytes));
  EXPECT_TRUE(holds(before, saved.tensors.list()[2]));  // still open for more
  saved.expect_alone();
}

TEST(EditMetadata, RemovesAndIsTheFileThatASaveWouldHaveWritten) {
  const Saved saved;
  EXPECT_TRUE(edit_metadata(saved.path, {.set = {}, .remove = {"epoch", "absent"}}).changed);
  EXPECT_EQ(metadata_of(saved.path), (Pairs{{"format", "pt"}}));
  EXPECT_TRUE(edit_metadata(saved.path, {.set = {}, .remove = {"format"}}).changed);
  EXPECT_TRUE(metadata_of(saved.path).empty());
  EXPECT_FALSE(edit_metadata(saved.path, {.set = {}, .remove = {"format"}}).changed);
  EXPECT_TRUE(same_bytes(saved.path, saved.tensors));
  saved.expect_alone();
}

TEST(EditMetadata, TooLargeForTheHeaderItBecomesANewFileWithRoom) {
  const Saved saved(SaveOptions{});
  const File before = open(saved.path, {.access = Access::mapped});
  const Tensor large = before["large"];
  Edited edited =
      edit_metadata(saved.path, {.set = {{"long", std::string(5000, 'x')}}, .remove = {}});
  EXPECT_TRUE(edited.rewritten);
  EXPECT_TRUE(same_bytes(saved.path, saved.tensors));
  EXPECT_EQ(metadata_of(saved.path).back().second.size(), 5000U);
  EXPECT_TRUE(test::same_bytes(large.bytes(), saved.tensors.list().back().bytes));
  edited = edit_metadata(saved.path, {.set = {{"more", std::string(2000, 'y')}}, .remove = {}});
  EXPECT_TRUE(edited.changed);
  EXPECT_FALSE(edited.rewritten);
  EXPECT_TRUE(same_bytes(saved.path, saved.tensors));
  // A system that replaces no mapped file has the old one aside for as long as `large` needs it.
  std::vector<std::string> names = saved.scratch.names();
  if (large.mapped()) std::erase_if(names, [](const auto& name) { return name.ends_with(".old"); });
  EXPECT_EQ(names, std::vector<std::string>{"f"});
}

std::uint64_t data_begin(const File& file) { return 8 + file.header_bytes(); }

TEST(EditMetadata, ANewFileHasEachTensorAtTheAlignmentThatItHad) {
  for (const std::uint64_t align : {8, 64, 4096, 65536}) {
    const Saved saved(SaveOptions{.align = align});
    const File before = open(saved.path);
    std::uint64_t begin = data_begin(before);
    ASSERT_EQ(begin % align, 0U);
    // More than the alignment left room for, and then more than the first left.
    for (const std::size_t size : {70'000U, 200'000U}) {
      ASSERT_TRUE(
          edit_metadata(saved.path, {.set = {{"long", std::string(size, 'x')}}, .remove = {}})
              .rewritten);
      const File file = open(saved.path);
      EXPECT_GT(data_begin(file), begin);
      begin = data_begin(file);
      EXPECT_EQ(begin % align, 0U) << align;
      for (std::size_t i = 0; i < file.size(); ++i) {
        ASSERT_EQ(file.info(i).name, before.info(i).name);
        EXPECT_EQ(file.info(i).offset % align, before.info(i).offset % align) << align;
      }
      EXPECT_TRUE(same_bytes(saved.path, saved.tensors));
    }
  }
}

std::uint64_t offset_of(const std::string& path, std::string_view name) {
  const File file = open(path);
  return file.info(file.find(name).value()).offset;
}

/// A file that begins its data at an odd byte, as writers may.
void write_odd(const std::string& path, std::string header, std::span<const std::byte> bytes) {
  while (header.size() % 8 != 7) header += ' ';
  std::string content(8, '\0');
  content[0] = static_cast<char>(header.size());
  content += header;
  content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  test::write_file(path, content);
}

TEST(EditMetadata, ANewFileHasDataThatWereNotAlignedAtEightBytes) {
  const Scratch scratch;
  const std::string path = scratch / "f";
  const Tensors tensors = some_tensors(1, 300'000);
  const std::span<const std::byte> bytes = tensors.list().back().bytes.first(300'000);
  write_odd(path, R"({"x":{"dtype":"U8","shape":[300000],"data_offsets":[0,300000]}})", bytes);
  const std::uint64_t old = offset_of(path, "x");
  ASSERT_EQ(old % 2, 1U);
  const Edited edited = edit_metadata(path, {.set = {{"k", "v"}}, .remove = {}});
  EXPECT_TRUE(edited.rewritten);
  const File file = open(path);
  // A filesystem that shares blocks has them where they were within the block.
  EXPECT_EQ(file.info(0).offset % (edited.shared ? 4096 : 8), edited.shared ? old % 4096 : 0);
  const Tensor tensor = file["x"];
  EXPECT_TRUE(std::ranges::equal(tensor.bytes(), bytes));
  EXPECT_EQ(metadata_of(path), (Pairs{{"k", "v"}}));
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
}

TEST(EditMetadata, ANewFileTakesNoTensorTheAlignmentThatItHasByChance) {
  const Scratch scratch;
  const std::string path = scratch / "f";
  const Tensors tensors = some_tensors(1, 300'000);
  const std::span<const std::byte> bytes = tensors.list().back().bytes.first(257);
  write_odd(path,
            R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
            R"("x":{"dtype":"F32","shape":[64],"data_offsets":[1,257]}})",
            bytes);
  ASSERT_EQ(offset_of(path, "x") % 8, 0U);
  EXPECT_TRUE(edit_metadata(path, {.set = {{"k", "v"}}, .remove = {}}).rewritten);
  EXPECT_EQ(offset_of(path, "x") % 8, 0U);
  const Tensor tensor = open(path)["x"];
  EXPECT_TRUE(std::ranges::equal(tensor.bytes(), bytes.subspan(1)));
}

TEST(EditMetadata, WhereThereWasNone) {
  const Scratch scratch;
  const Tensors tensors = some_tensors(2);
  save(scratch / "f", tensors.list());
  EXPECT_FALSE(edit_metadata(scratch / "f", {}).changed);
  EXPECT_TRUE(edit_metadata(scratch / "f", {.set = {{"a", ""}}, .remove = {}}).changed);
  EXPECT_EQ(metadata_of(scratch / "f"), (Pairs{{"a", ""}}));
  EXPECT_TRUE(same_bytes(scratch / "f", tensors));
}

TEST(EditMetadata, RefusalsLeaveTheFile) {
  const Saved saved;
  const std::string before = test::read_file(saved.path);
  const auto code = [&](const MetadataChanges& changes, const EditOptions& options = {}) {
    return refusal(try_edit_metadata(saved.path, changes, options));
  };
  EXPECT_EQ(code({.set = {{"a", "\xff"}}, .remove = {}}), Code::invalid_utf8);
  EXPECT_EQ(code({.set = {{"a", "1"}, {"a", "2"}}, .remove = {}}), Code::duplicate_name);
  EXPECT_EQ(code({.set = {{"a", std::string(default_header_limit, 'x')}}, .remove = {}}),
            Code::header_too_large);
  const StopSource stop;
  stop.request_stop();
  EXPECT_EQ(code({.set = {{"a", "1"}}, .remove = {}}, {.stop = stop.token()}), Code::cancelled);
  {
    const FileLock lock = lock_shared(saved.path);
    EXPECT_EQ(code({.set = {{"a", "1"}}, .remove = {}}), Code::lock_conflict);
  }
  EXPECT_EQ(refusal(try_edit_metadata(saved.scratch / "absent", {})), Code::not_found);
  test::write_file(saved.scratch / "page", "<html>");
  EXPECT_NE(refusal(try_edit_metadata(saved.scratch / "page", {})), Code{0});
  fs::remove(saved.scratch / "page");
  EXPECT_EQ(test::read_file(saved.path), before);
  saved.expect_alone();
}

TEST(Overwrite, WritesTheTensorAndOwnTensorsKeepTheirBytes) {
  for (const Access access : {Access::mapped, Access::owned}) {
    const Saved saved;
    const Tensors other = some_tensors(9, 3'000'000);
    const File file = open(saved.path, {.access = access});
    const Tensor large = file["large"];
    const std::byte* const address = access == Access::mapped ? large.bytes().data() : nullptr;
    const Result<Edited> edited = try_overwrite(saved.path, "large", other.list().back().bytes);
    if (!edited && edited.error().code() == Code::release_unsupported) {  // and nothing changed
      EXPECT_TRUE(same_bytes(saved.path, saved.tensors));
      continue;
    }
    EXPECT_TRUE(edited.value().changed);
    EXPECT_TRUE(edited.value().released);
    EXPECT_TRUE(test::same_bytes(large.bytes(), saved.tensors.list().back().bytes));
    if (address != nullptr) {
      EXPECT_EQ(large.bytes().data(), address);
    }
    const File now = open(saved.path);
    EXPECT_TRUE(holds(now, other.list().back()));
    EXPECT_TRUE(holds(now, saved.tensors.list()[2]));
    EXPECT_EQ(fs::file_size(saved.path), saved.size);
    saved.expect_alone();
  }
}

TEST(Overwrite, TensorsOfOtherRangesAreLeftAlone) {
  const Saved saved;
  const Tensors other = some_tensors(9, 3'000'000);
  const File file = open(saved.path, {.access = Access::mapped});
  const Tensor weight = file["weight"];
  EXPECT_FALSE(overwrite(saved.path, "large", other.list().back().bytes).released);
  EXPECT_TRUE(holds(file, other.list().back()));
  EXPECT_TRUE(test::same_bytes(weight.bytes(), saved.tensors.list()[2].bytes));
}

TEST(Overwrite, ALargeTensor) {
  const Scratch scratch;
  Tensors tensors;
  tensors.add("a", Dtype::u8, {1001}, 1);
  tensors.add("b", Dtype::u8, {40'000'003}, 2);
  tensors.add("c", Dtype::u8, {777}, 3);
  save(scratch / "f", tensors.list());
  Tensors other;
  other.add("b", Dtype::u8, {40'000'003}, 77);
  std::uint64_t seen = 0;
  (void)overwrite(scratch / "f", "b", other.list()[0].bytes,
                  {.progress = [&](std::uint64_t done, std::uint64_t) { seen = done; }});
  EXPECT_GT(seen, 40'000'003U);
  const File file = open(scratch / "f");
  EXPECT_TRUE(holds(file, tensors.list()[0]));
  EXPECT_TRUE(holds(file, other.list()[0]));
  EXPECT_TRUE(holds(file, tensors.list()[2]));
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
}

TEST(Overwrite, RefusalsLeaveTheFile) {
  const Saved saved;
  const std::string before = test::read_file(saved.path);
  const auto bytes = saved.tensors.list().back().bytes;
  EXPECT_EQ(refusal(try_overwrite(saved.path, "larg", bytes)), Code::tensor_not_found);
  EXPECT_EQ(refusal(try_overwrite(saved.path, "large", bytes.first(8))), Code::size_differs);
  const StopSource stop;
  stop.request_stop();
  EXPECT_EQ(refusal(try_overwrite(saved.path, "large", bytes, {.stop = stop.token()})),
            Code::cancelled);
  const FileLock lock = lock_exclusive(saved.path);
  EXPECT_EQ(refusal(try_overwrite(saved.path, "large", bytes)), Code::lock_conflict);
  EXPECT_EQ(test::read_file(saved.path), before);
  saved.expect_alone();
}

// Who saves takes no lock, and may do so at any moment of an edit.
TEST(Edit, OfAFileThatIsReplacedMeanwhileSaysSoAndLeavesTheNewOne) {
  const auto metadata = [](std::size_t size) {
    return [size](const std::string& path, const EditOptions& options) {
      return try_edit_metadata(path, {.set = {{"note", std::string(size, 'x')}}, .remove = {}},
                               options);
    };
  };
  const Tensors other = some_tensors(9, 3'000'000);
  const auto tensor = [&](const std::string& path, const EditOptions& options) {
    return try_overwrite(path, "large", other.list().back().bytes, options);
  };
  using Edit = std::function<Result<Edited>(const std::string&, const EditOptions&)>;
  for (const Edit& edit : {Edit(metadata(10)), Edit(metadata(5000)), Edit(tensor)}) {
    for (const bool late : {false, true}) {
      const Saved saved;
      const Tensors third = some_tensors(77, 3'000'000);
      const Metadata longer{{"by", std::string(3000, 'y')}};
      bool done = false;
      const auto replace_it = [&](std::uint64_t now, std::uint64_t total) {
        if (done || (late && now < total)) return;
        done = try_save(saved.path, third.list(), longer, {.durable = false}).has_value();
      };
      const Result<Edited> edited = edit(saved.path, {.progress = replace_it});
      if (!done) GTEST_SKIP() << "this system replaces no file that is open";
      EXPECT_EQ(refusal(edited), Code::replaced);
      EXPECT_TRUE(same_bytes(saved.path, third));
      EXPECT_EQ(metadata_of(saved.path), (Pairs{{"by", std::string(3000, 'y')}}));
      saved.expect_alone();
    }
  }
}

}  // namespace
}  // namespace tensorhold
