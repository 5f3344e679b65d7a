#include "os/file/file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "../support/child_posix.hpp"
#include "../support/scratch.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using test::Scratch;

template <class Action>
ErrorInfo failure(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.info();
  }
  return {.code = Code{0}, .reason = "nothing failed"};
}

TEST(PosixFile, ReadsWhereItIsAsked) {
  const Scratch scratch;
  test::write_file(scratch / "f", "0123456789");
  const File file = File::open_read(scratch / "f");
  std::array<std::byte, 4> bytes{};
  file.read_at(3, bytes);
  EXPECT_EQ(bytes[0], std::byte{'3'});
  EXPECT_EQ(bytes[3], std::byte{'6'});
  file.read_at(10, std::span<std::byte>());
}

TEST(PosixFile, EndsWithTheOffsetWhereTheFileDoes) {
  const Scratch scratch;
  test::write_file(scratch / "f", "0123456789");
  const File file = File::open_read(scratch / "f");
  std::array<std::byte, 8> bytes{};
  const ErrorInfo info = failure([&] { file.read_at(5, bytes); });
  EXPECT_EQ(info.code, Code::unexpected_end);
  EXPECT_EQ(info.offset, 10U);
  EXPECT_EQ(info.path, scratch / "f");
  EXPECT_EQ(failure([&] { file.read_at(~std::uint64_t{0} - 3, bytes); }).code, Code::no_space);
}

TEST(PosixFile, SaysWhyItCannotOpen) {
  const Scratch scratch;
  test::write_file(scratch / "f", "x");
  std::filesystem::create_symlink("loop", scratch.folder() / "loop");
  const auto code = [](const std::string& path) {
    return failure([&] { (void)File::open_read(path); }).code;
  };
  EXPECT_EQ(code(scratch / "missing"), Code::not_found);
  EXPECT_EQ(code(scratch / "f/below"), Code::not_found);
  EXPECT_EQ(code(scratch / "loop"), Code::not_found);
  EXPECT_EQ(code(scratch / std::string(300, 'n')), Code::invalid_argument);
  EXPECT_EQ(code(""), Code::invalid_argument);
  EXPECT_EQ(code((scratch / "f") + '\0' + "x"), Code::invalid_argument);
  const ErrorInfo info = failure([&] { (void)File::open_read(scratch / "missing"); });
  EXPECT_EQ(info.os_error, ENOENT);
  EXPECT_FALSE(info.advice.empty());
}

TEST(PosixFile, NeedsTheRightToRead) {
  const Scratch scratch;
  test::write_file(scratch / "f", "x");
  ASSERT_EQ(::chmod((scratch / "f").c_str(), 0), 0);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!test::drop_root()) return "skip: cannot give up root";
    const Code code = failure([&] { (void)File::open_read(scratch / "f"); }).code;
    return code == Code::permission_denied ? "" : std::string(to_string(code));
  }));
}

TEST(PosixFile, SaysThatTooManyAreOpen) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer looks at objects through descriptors, of which none is left";
#endif
  const Scratch scratch;
  test::write_file(scratch / "f", "x");
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const int own = ::open((scratch / "f").c_str(), O_RDONLY | O_CLOEXEC);
    const int next = ::dup(own);
    if (next < 0) return "skip: no descriptor";
    (void)::close(next);
    const rlimit limit{static_cast<rlim_t>(next), static_cast<rlim_t>(next)};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return "skip: no limit";
    const Code opened = failure([&] { (void)File::open_read(scratch / "f"); }).code;
    if (opened != Code::too_many_open) return std::string(to_string(opened));
    const Code copied = failure([&] { (void)File::duplicate(own, "own"); }).code;
    return copied == Code::too_many_open ? "" : std::string(to_string(copied));
  }));
}

TEST(PosixFile, DoesNotWaitForAPipesWriter) {
  const Scratch scratch;
  ASSERT_EQ(::mkfifo((scratch / "pipe").c_str(), 0600), 0);
  const File pipe = File::open_read(scratch / "pipe");
  EXPECT_EQ(pipe.status().kind, FileKind::other);
}

TEST(PosixFile, TellsFoldersApartByStatus) {
  const Scratch scratch;
  const File folder = File::open_read(scratch.folder().string());
  EXPECT_EQ(folder.status().kind, FileKind::directory);
  std::array<std::byte, 1> byte{};
  EXPECT_EQ(failure([&] { folder.read_at(0, byte); }).code, Code::not_a_file);
}

TEST(PosixFile, StatusIsOfTheFileAndNotOfThePath) {
  const Scratch scratch;
  test::write_file(scratch / "a", "one");
  test::write_file(scratch / "b", "three");
  const File file = File::open_read(scratch / "a");
  const FileStatus before = file.status();
  EXPECT_EQ(before.size, 3U);
  EXPECT_EQ(before.links, 1U);
  EXPECT_EQ(before.kind, FileKind::regular);
  EXPECT_EQ(status_at(scratch / "a"), before);
  std::filesystem::rename(scratch / "b", scratch / "a");
  EXPECT_EQ(file.status().links, 0U);
  EXPECT_EQ(file.status().identity, before.identity);
  EXPECT_NE(status_at(scratch / "a")->identity, before.identity);
  EXPECT_EQ(status_at(scratch / "b"), std::nullopt);
  EXPECT_EQ(status_at(scratch / "a/b"), std::nullopt);
}

TEST(PosixFile, StatusHasTimesInNanoseconds) {
  const Scratch scratch;
  test::write_file(scratch / "f", "x");
  const std::array<timespec, 2> times{timespec{1'600'000'000, 123'456'000},
                                      timespec{1'600'000'001, 987'654'000}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (scratch / "f").c_str(), times.data(), 0), 0);
  EXPECT_EQ(status_at(scratch / "f")->modified_ns, 1'600'000'001'987'654'000);
  EXPECT_GT(status_at(scratch / "f")->changed_ns, 1'600'000'001'987'654'000);
}

TEST(PosixFile, DuplicateOutlivesItsOrigin) {
  const Scratch scratch;
  test::write_file(scratch / "f", "text");
  const int descriptor = ::open((scratch / "f").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(descriptor, 0);
  const File file = File::duplicate(descriptor, "given");
  (void)::close(descriptor);
  std::array<std::byte, 4> bytes{};
  file.read_at(0, bytes);
  EXPECT_EQ(bytes[3], std::byte{'t'});
  EXPECT_EQ(::fcntl(static_cast<int>(file.native()), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  const ErrorInfo info = failure([&] { (void)File::duplicate(descriptor, "given"); });
  EXPECT_EQ(info.code, Code::invalid_argument);
  EXPECT_EQ(info.path, "given");
}

TEST(PosixFile, MovesAndCloses) {
  const Scratch scratch;
  test::write_file(scratch / "f", "x");
  File a = File::open_read(scratch / "f");
  EXPECT_EQ(::fcntl(static_cast<int>(a.native()), F_GETFL) & O_NONBLOCK, 0);
  File b = File::open_read(scratch / "f");
  const auto closed = static_cast<int>(b.native());
  b = std::move(a);
  EXPECT_EQ(::fcntl(closed, F_GETFD), -1);
  EXPECT_FALSE(a.is_open());  // NOLINT: the state after a move is what is tested
  EXPECT_TRUE(b.is_open());
  b.close();
  EXPECT_FALSE(b.is_open());
  b.close();
}

}  // namespace
}  // namespace tensorhold::os
