// Holes of a file stay holes when it is written anew or moved to another filesystem.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>

#include "../support/elsewhere_linux.hpp"
#include "../support/scratch.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::Elsewhere;
using test::Scratch;

constexpr std::uint64_t data_bytes = std::uint64_t{64} << 20;
constexpr std::uint64_t island = (std::uint64_t{10} << 20) + 123;  // unaligned
constexpr std::uint64_t much = std::uint64_t{2} << 20;

std::uint64_t room(const std::string& path) {
  struct ::stat found {};
  return ::stat(path.c_str(), &found) == 0 ? static_cast<std::uint64_t>(found.st_blocks) * 512 : 0;
}

/// One tensor of 64 MiB, nearly all of it a hole.
void write_sparse(const std::string& path) {
  std::string header = R"({"x":{"dtype":"U8","shape":[67108864],"data_offsets":[0,67108864]}})";
  header.resize(72, ' ');
  std::string bytes(8, '\0');
  bytes[0] = 72;
  test::write_file(path, bytes + header);
  std::filesystem::resize_file(path, 80 + data_bytes);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(80 + island));
  file << "an island of data";
  file.seekp(static_cast<std::streamoff>(80 + data_bytes - 1));
  file << '\x07';
}

void expect_whole(const std::string& path) {
  const Tensor tensor = open(path)["x"];
  const auto bytes = tensor.as<std::uint8_t>();
  ASSERT_EQ(bytes.size(), data_bytes);
  const std::string words = "an island of data";
  EXPECT_EQ(std::string(bytes.begin() + island, bytes.begin() + island + words.size()), words);
  EXPECT_EQ(bytes.back(), 7);
  const auto others = std::count_if(bytes.begin(), bytes.end(), [](auto b) { return b != 0; });
  EXPECT_EQ(others, static_cast<std::ptrdiff_t>(words.size() + 1));
}

TEST(Sparse, AFileThatIsWrittenAnewKeepsItsHoles) {
  const Scratch scratch;
  const std::string path = scratch / "f";
  write_sparse(path);
  if (room(path) > much) GTEST_SKIP() << "this filesystem keeps no holes";
  // As the first one has no room, and another time with a header that moves the data by a block.
  for (const std::size_t size : {100U, 9000U}) {
    ASSERT_TRUE(
        edit_metadata(path, {.set = {{"k", std::string(size, 'v')}}, .remove = {}}).rewritten);
    EXPECT_LE(room(path), much);
    expect_whole(path);
  }
}

TEST(Sparse, AFileThatMovesToAnotherFilesystemKeepsItsHoles) {
  const Scratch scratch;
  const Elsewhere elsewhere(scratch);
  if (!elsewhere.made()) GTEST_SKIP() << "there is no second filesystem in /dev/shm";
  write_sparse(scratch / "f");
  if (room(scratch / "f") > much) GTEST_SKIP() << "this filesystem keeps no holes";
  replace(scratch / "f", elsewhere / "f");
  EXPECT_LE(room(elsewhere / "f"), much);
  replace(elsewhere / "f", scratch / "g");  // by its handle: tmpfs fills what is looked at mapped
  EXPECT_LE(room(scratch / "g"), much);
  expect_whole(scratch / "g");
}

}  // namespace
}  // namespace tensorhold
