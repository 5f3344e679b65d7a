// Removing names, on every system.
#include "os/replace/remove.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "os/file/file.hpp"
#include "os/file/mapping.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "os/replace/place.hpp"
#include "support/scratch.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using test::Scratch;

template <class Call>
std::optional<Code> code_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

TEST(Remove, FreesTheNameOfAFileThatIsOpen) {
  const Scratch scratch;
  test::write_file(scratch / "f", "bytes");
  File file = File::open_read(scratch / "f");
  remove_file(scratch / "f", Patience::none);
  EXPECT_EQ(status_at(scratch / "f"), std::nullopt);
  std::string bytes(5, ' ');
  file.read_at(0, std::as_writable_bytes(std::span(bytes)));
  EXPECT_EQ(bytes, "bytes");
  file.close();
  EXPECT_TRUE(scratch.names().empty());
}

TEST(Remove, FreesTheNameOfAMappedFileOrChangesNothing) {
  const Scratch scratch;
  test::write_file(scratch / "f", std::string(10'000, 'x'));
  const Mapping mapping =
      Mapping::map(File::open_read(scratch / "f"), 10'000, Protection::read_only);
  const auto code = code_of([&] { remove_file(scratch / "f", Patience::none); });
  EXPECT_TRUE(!code || code == Code::file_in_use);
  EXPECT_EQ(scratch.names().size(), code ? 1U : 0U);
  EXPECT_TRUE(std::all_of(mapping.data(), mapping.data() + mapping.size(),
                          [](std::byte b) { return b == std::byte{'x'}; }));
}

TEST(Remove, MovesAMappedFileAsideUntilNobodyHoldsIt) {
  const Scratch scratch;
  test::write_file(scratch / "f", std::string(10'000, 'x'));
  Mapping mapping = Mapping::map(File::open_read(scratch / "f"), 10'000, Protection::read_only);
  const std::string aside = move_aside(scratch / "f");
  EXPECT_EQ(status_at(scratch / "f"), std::nullopt);
  ASSERT_EQ(scratch.names().size(), 1U);
  EXPECT_EQ(aside, scratch / scratch.names().front());
  const std::string name = scratch.names().front();
  const auto parsed = parse_temporary_name(name);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->stem, "f");
  mapping.unmap();
  EXPECT_EQ(Place::of(scratch / "f", false).remove_stale(), 1U);
  EXPECT_TRUE(scratch.names().empty());
}

TEST(Remove, RefusesFoldersAndWhatIsNotThere) {
  const Scratch scratch;
  std::filesystem::create_directory(scratch.folder() / "folder");
  EXPECT_EQ(code_of([&] { remove_file(scratch / "folder", Patience::none); }), Code::not_a_file);
  EXPECT_EQ(code_of([&] { (void)move_aside(scratch / "folder"); }), Code::not_a_file);
  EXPECT_EQ(code_of([&] { remove_file(scratch / "nobody", Patience::none); }), Code::not_found);
  EXPECT_EQ(code_of([&] { (void)move_aside(scratch / "nobody"); }), Code::not_found);
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"folder"});
}

TEST(Remove, OfALinkTakesTheLink) {
  const Scratch scratch;
  test::write_file(scratch / "f", "bytes");
  std::error_code error;
  std::filesystem::create_symlink("f", scratch.folder() / "link", error);
  if (error) GTEST_SKIP() << "no symbolic links here";
  remove_file(scratch / "link", Patience::scanner);
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
}

}  // namespace
}  // namespace tensorhold::os
