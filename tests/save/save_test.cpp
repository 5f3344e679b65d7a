#include "tensorhold/save.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "format/parse/parse.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "tensorhold/file.hpp"

namespace tensorhold {
namespace {

using test::Scratch;
using test::some_tensors;
using test::Tensors;
namespace fs = std::filesystem;

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Code refusal(const std::string& path, std::span<const SaveTensor> tensors,
             const std::optional<Metadata>& metadata = std::nullopt,
             const SaveOptions& options = {}) {
  const Result<void> result = try_save(path, tensors, metadata, options);
  if (result) return Code{0};
  EXPECT_FALSE(result.error().reason().empty());
  return result.error().code();
}

// Every tensor of the file has the bytes that were given, at the place that the header says.
void expect_holds(const std::string& path, std::span<const SaveTensor> tensors) {
  const std::string bytes = test::read_file(path);
  ASSERT_GE(bytes.size(), 8U);
  std::uint64_t header_bytes = 0;
  for (std::size_t i = 8; i-- > 0;)
    header_bytes = header_bytes * 256 + static_cast<unsigned char>(bytes[i]);
  ASSERT_LE(header_bytes, bytes.size() - 8);
  const auto header =
      format::parse(std::string_view(bytes).substr(8, header_bytes), bytes.size(), {});
  ASSERT_EQ(header.size(), tensors.size());
  for (const SaveTensor& tensor : tensors) {
    const auto index = header.find(tensor.name);
    ASSERT_TRUE(index.has_value()) << tensor.name;
    EXPECT_EQ(header.dtype(*index), tensor.dtype);
    const auto shape = header.shape(*index);
    EXPECT_TRUE(std::equal(shape.begin(), shape.end(), tensor.shape.begin(), tensor.shape.end()));
    ASSERT_EQ(header.end(*index) - header.begin(*index), tensor.bytes.size());
    const auto saved = std::as_bytes(std::span(bytes))
                           .subspan(8 + header_bytes + header.begin(*index), tensor.bytes.size());
    EXPECT_TRUE(test::same_bytes(saved, tensor.bytes)) << tensor.name;
  }
}

TEST(Save, WritesWhatItWasGiven) {
  const Scratch scratch;
  const Tensors tensors = some_tensors(1);
  save(scratch / "f", tensors.list());
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
  expect_holds(scratch / "f", tensors.list());
  EXPECT_EQ(test::read_file(scratch / "f"), text_of(save_bytes(tensors.list())));
}

TEST(Save, WritesManySmallTensorsAndALargeOne) {
  const Scratch scratch;
  Tensors tensors;
  for (unsigned i = 0; i < 3000; ++i)
    tensors.add("t" + std::to_string(i), i % 2 == 0 ? Dtype::f16 : Dtype::i8, {i % 11},
                static_cast<std::uint8_t>(i));
  tensors.add("large", Dtype::f32, {40, 1024, 1024}, 3);  // above what is gathered into one write
  save(scratch / "f", tensors.list());
  expect_holds(scratch / "f", tensors.list());
}

TEST(Save, WritesNoTensorsAtAll) {
  const Scratch scratch;
  save(scratch / "f", {});
  expect_holds(scratch / "f", {});
  save(scratch / "f", {}, Metadata{{"format", "pt"}});
  EXPECT_NE(test::read_file(scratch / "f").find(R"({"__metadata__":{"format":"pt"}})"),
            std::string::npos);
}

TEST(Save, ObeysItsOptions) {
  const Scratch scratch;
  const Tensors tensors = some_tensors(2);
  for (const std::uint64_t align : {8U, 64U, 4096U}) {
    const SaveOptions options{.align = align, .reserve_header = 100, .durable = false};
    save(scratch / "f", tensors.list(), Metadata{{"k", "v"}}, options);
    expect_holds(scratch / "f", tensors.list());
    const std::string bytes = test::read_file(scratch / "f");
    EXPECT_EQ(bytes, text_of(save_bytes(tensors.list(), Metadata{{"k", "v"}}, options)));
    std::uint64_t data = 0;
    for (const SaveTensor& tensor : tensors.list()) data += tensor.bytes.size();
    EXPECT_EQ((bytes.size() - data) % align, 0U);
  }
  EXPECT_EQ(refusal(scratch / "f", {}, {}, {.align = 24}), Code::invalid_argument);
}

TEST(Save, RefusesTensorsThatMakeNoFile) {
  const Scratch scratch;
  const std::array<std::byte, 4> four{};
  const std::array<std::uint64_t, 1> one{1};
  const std::array<std::uint64_t, 1> two{2};
  const SaveTensor good("a", Dtype::f32, one, four);
  test::write_file(scratch / "f", "old");
  EXPECT_EQ(refusal(scratch / "f", std::array{good, good}), Code::duplicate_name);
  EXPECT_EQ(refusal(scratch / "f", std::array{SaveTensor("a", Dtype::f32, two, four)}),
            Code::size_mismatch);
  EXPECT_EQ(refusal(scratch / "f", std::array{SaveTensor("a", Dtype::f4, one, four)}),
            Code::partial_byte);
  EXPECT_EQ(refusal(scratch / "f", std::array{SaveTensor("\xFF", Dtype::f32, one, four)}),
            Code::invalid_utf8);
  EXPECT_THROW((void)save_bytes(std::array{good, good}), Error);
  EXPECT_EQ(test::read_file(scratch / "f"), "old");
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
}

TEST(Save, SaysWhereItCannotWrite) {
  const Scratch scratch;
  const Tensors tensors = some_tensors(3);
  fs::create_directory(scratch.folder() / "folder");
  EXPECT_EQ(refusal(scratch / "folder", tensors.list()), Code::not_a_file);
  EXPECT_EQ(refusal(scratch / "folder/", tensors.list()), Code::not_a_file);
  EXPECT_EQ(refusal(scratch / "missing/f", tensors.list()), Code::not_found);
  EXPECT_EQ(refusal("", tensors.list()), Code::invalid_argument);
  EXPECT_EQ(refusal(scratch / std::string(256, 'n'), tensors.list()), Code::invalid_argument);
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"folder"});
  const Result<void> result = try_save(scratch / "missing/f", tensors.list());
  EXPECT_EQ(result.error().path(), scratch / "missing/f");
  EXPECT_NE(result.error().advice().find("folder"), std::string::npos);
}

// The library of mingw-w64 has none, and on Windows not everybody may make them.
bool make_link(const fs::path& target, const fs::path& link) {
  std::error_code error;
  fs::create_symlink(target, link, error);
  return !error;
}

TEST(Save, ReplacesALinkUnlessToldToFollow) {
  const Scratch scratch;
  const Tensors tensors = some_tensors(4);
  fs::create_directory(scratch.folder() / "blobs");
  test::write_file(scratch / "blobs/b", "blob");
  if (!make_link("blobs/b", scratch.folder() / "link")) GTEST_SKIP() << "no symbolic links here";
  save(scratch / "link", tensors.list(), std::nullopt, {.follow_symlink = true});
  EXPECT_TRUE(fs::is_symlink(scratch.folder() / "link"));
  expect_holds(scratch / "blobs/b", tensors.list());
  test::write_file(scratch / "blobs/b", "blob");
  save(scratch / "link", tensors.list());
  EXPECT_FALSE(fs::is_symlink(scratch.folder() / "link"));
  expect_holds(scratch / "link", tensors.list());
  EXPECT_EQ(test::read_file(scratch / "blobs/b"), "blob");
  EXPECT_EQ(Scratch::names_in(scratch.folder() / "blobs"), std::vector<std::string>{"b"});
}

TEST(Save, AFollowedLinkMayPointToAFileThatIsNotThereYet) {
  const Scratch scratch;
  const Tensors tensors = some_tensors(4);
  fs::create_directory(scratch.folder() / "blobs");
  if (!make_link("blobs/new", scratch.folder() / "link")) GTEST_SKIP() << "no symbolic links here";
  save(scratch / "link", tensors.list(), std::nullopt, {.follow_symlink = true});
  EXPECT_TRUE(fs::is_symlink(scratch.folder() / "link"));
  expect_holds(scratch / "blobs/new", tensors.list());
}

TEST(Save, CleansUpWhatAKilledOneLeft) {
  const Scratch scratch;
  const Tensors tensors = some_tensors(5);
  test::write_file(scratch / os::make_temporary_name("f", 1), "left");
  test::write_file(scratch / os::make_temporary_name("f", 2), "left");
  save(scratch / "f", tensors.list());
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
}

// Each looks for what killed ones left, and finds the temporaries of the others.
TEST(Save, ByManyThreadsToOnePathSucceedsEveryTime) {
  const Scratch scratch;
  const Tensors tensors = some_tensors(1);
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 100; ++round)
        if (!try_save(scratch / "f", tensors.list(), std::nullopt, {.durable = false})) ++failed;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(open(scratch / "f").size(), tensors.list().size());
}

TEST(Save, TakesNamesInUtf8) {
  const Scratch scratch;
  const Tensors tensors = some_tensors(6);
  const fs::path path = scratch.folder() / fs::path(u8"модель 模型.safetensors");
  save(path, tensors.list());
  EXPECT_TRUE(fs::exists(path));
}

}  // namespace
}  // namespace tensorhold
