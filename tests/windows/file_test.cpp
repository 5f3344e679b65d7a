// Handles: sharing, identity, paths, reads.
#include <fcntl.h>
#include <io.h>

#include <chrono>
#include <thread>

#include "os/file/file.hpp"
#include "support.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::tests {
namespace {

using os::windows::wide_path;

Code code_of_open(const std::string& path) {
  try {
    (void)os::File::open_read(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.path(), path);
    return error.code();
  }
  ADD_FAILURE() << path << " opened";
  return {};
}

TEST_F(WindowsTest, AnOpenFileCanBeDeletedAndStaysReadable) {
  const std::string where = make_file("open.bin", 5000);
  const auto file = os::File::open_read(where);
  ASSERT_NE(DeleteFileW(wide_path(where).c_str()), 0) << GetLastError();
  std::vector<std::byte> bytes(5000);
  file.read_at(0, bytes);
  EXPECT_EQ(first_wrong(bytes), bytes.size());
}

TEST_F(WindowsTest, AnOpenFileCanBeRenamed) {
  const std::string where = make_file("open.bin", 10);
  const auto file = os::File::open_read(where);
  const auto identity = file.status().identity;  // Wine forgets the volume after a rename
  EXPECT_NE(MoveFileExW(wide_path(where).c_str(), wide_path(path("moved.bin")).c_str(), 0), 0);
  EXPECT_EQ(os::status_at(where), std::nullopt);
  EXPECT_EQ(os::status_at(path("moved.bin"))->identity, identity);
}

TEST_F(WindowsTest, IdentityIsTheFilesAndNotItsNames) {
  const std::string first = make_file("a.bin", 10);
  const std::string other = make_file("b.bin", 10);
  ASSERT_NE(CreateHardLinkW(wide_path(path("c.bin")).c_str(), wide_path(first).c_str(), nullptr),
            0);
  const auto status = os::File::open_read(first).status();
  EXPECT_EQ(status.identity, os::status_at(path("c.bin"))->identity);
  EXPECT_NE(status.identity, os::status_at(other)->identity);
  EXPECT_EQ(status.links, 2U);
  EXPECT_EQ(status.size, 10U);
  EXPECT_EQ(status.kind, os::FileKind::regular);
}

TEST_F(WindowsTest, TimesAreNanosecondsSince1970) {
  const std::string where = make_file("now.bin", 10);
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const std::int64_t hour = 3'600'000'000'000;
  EXPECT_NEAR(static_cast<double>(os::status_at(where)->modified_ns),
              static_cast<double>(now.count()), static_cast<double>(hour));
}

TEST_F(WindowsTest, FoldersAreToldApart) {
  EXPECT_EQ(os::status_at(path(""))->kind, os::FileKind::directory);
  EXPECT_EQ(os::File::open_read(path("")).status().kind, os::FileKind::directory);
  EXPECT_EQ(os::File::open_read("NUL").status().kind, os::FileKind::other);
}

TEST_F(WindowsTest, NamesBeyondAsciiAndBeyond260Characters) {
  std::string folder = path("größe-模型-🙂");
  for (int i = 0; i < 4; ++i) {
    ASSERT_NE(CreateDirectoryW(wide_path(folder).c_str(), nullptr), 0) << GetLastError();
    folder += "\\" + std::string(100, static_cast<char>('a' + i));
  }
  ASSERT_NE(CreateDirectoryW(wide_path(folder).c_str(), nullptr), 0) << GetLastError();
  const std::string where = folder + "\\w.bin";
  ASSERT_GT(where.size(), 400U);
  {
    const auto made = open(where, GENERIC_WRITE, 0, CREATE_NEW);
    ASSERT_TRUE(made) << GetLastError();
  }
  EXPECT_EQ(os::File::open_read(where).status().size, 0U);
  EXPECT_EQ(os::status_at(where)->identity, os::File::open_read(where).status().identity);
  std::string slashes = where;
  for (char& c : slashes)
    if (c == '\\') c = '/';
  EXPECT_EQ(os::File::open_read(slashes).path(), slashes);
}

TEST_F(WindowsTest, PathsThatCannotBeAreRefused) {
  EXPECT_EQ(code_of_open(""), Code::invalid_argument);
  EXPECT_EQ(code_of_open(std::string("a\0b", 3)), Code::invalid_argument);
  EXPECT_EQ(code_of_open("\xff\xfe"), Code::invalid_argument);
  EXPECT_EQ(code_of_open(path("nobody.bin")), Code::not_found);
  EXPECT_EQ(code_of_open(path("no\\body.bin")), Code::not_found);
}

TEST_F(WindowsTest, ErrorsCarryTheSystemsWords) {
  try {
    (void)os::File::open_read(path("nobody.bin"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.os_error(), ERROR_FILE_NOT_FOUND);
    EXPECT_NE(std::string(error.what()).find("system error 2, "), std::string::npos);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
  }
}

TEST_F(WindowsTest, AScannerThatSharesNothingIsWaitedFor) {
  const std::string where = make_file("scanned.bin", 100);
  auto scanner = open(where, GENERIC_READ, 0);
  ASSERT_TRUE(scanner);
  std::thread leaves([&scanner] {
    Sleep(100);
    scanner.reset();
  });
  EXPECT_EQ(os::File::open_read(where).status().size, 100U);
  leaves.join();
}

TEST_F(WindowsTest, AProgramThatSharesNothingAndStaysIsAnError) {
  const std::string where = make_file("held.bin", 100);
  const auto holder = open(where, GENERIC_READ, 0);
  EXPECT_EQ(code_of_open(where), Code::file_in_use);
}

TEST_F(WindowsTest, ReadsArePositional) {
  const auto file = os::File::open_read(make_file("read.bin", 300'000));
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&file, t] {
      std::vector<std::byte> bytes(10'000);
      for (std::size_t at = t * 70'000; at < t * 70'000 + 70'000; at += bytes.size()) {
        file.read_at(at, bytes);
        for (std::size_t i = 0; i < bytes.size(); ++i)
          ASSERT_EQ(bytes[i], expected_byte(at + i)) << at + i;
      }
    });
  for (auto& thread : threads) thread.join();
}

TEST_F(WindowsTest, AReadBeyondTheEndSaysWhere) {
  const auto file = os::File::open_read(make_file("short.bin", 1000));
  std::vector<std::byte> bytes(600);
  try {
    file.read_at(500, bytes);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::unexpected_end);
    EXPECT_EQ(error.offset(), 1000U);
  }
}

TEST_F(WindowsTest, ADescriptorIsDuplicated) {
  const std::string where = make_file("fd.bin", 4000);
  const int descriptor = _wopen(wide_path(where).c_str(), _O_RDONLY | _O_BINARY);
  ASSERT_GE(descriptor, 0);
  const auto file = os::File::duplicate(descriptor, "given");
  _close(descriptor);
  std::vector<std::byte> bytes(4000);
  file.read_at(0, bytes);
  EXPECT_EQ(first_wrong(bytes), bytes.size());
  EXPECT_EQ(file.path(), "given");
  EXPECT_THROW((void)os::File::duplicate(descriptor, "closed"), Error);
}

}  // namespace
}  // namespace tensorhold::tests
