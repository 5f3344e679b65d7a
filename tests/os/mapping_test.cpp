#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>

#include "../support/child_posix.hpp"
#include "../support/scratch.hpp"
#include "os/file/file.hpp"
#include "os/file/mapping.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using test::Scratch;

constexpr std::uint64_t huge = std::uint64_t{2} << 20;

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 4096);
  return bytes;
}

std::string_view text_of(const Mapping& mapping) {
  return {reinterpret_cast<const char*>(mapping.data()), mapping.size()};
}

TEST(PosixMapping, ShowsTheFile) {
  const Scratch scratch;
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{4096}, std::size_t{5000}, std::size_t{huge} - 1,
        std::size_t{huge}, std::size_t{huge} * 3 + 17}) {
    const std::string bytes = pattern(size);
    test::write_file(scratch / "f", bytes);
    for (const Protection protection : {Protection::read_only, Protection::private_writable}) {
      const Mapping mapping = Mapping::map(File::open_read(scratch / "f"), size, protection);
      ASSERT_EQ(mapping.size(), size);
      EXPECT_EQ(text_of(mapping), bytes);
      if (size >= huge) {
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mapping.data()) % huge, 0U);
      }
    }
  }
}

TEST(PosixMapping, LeavesNoAddressSpaceBehind) {
  const Scratch scratch;
  test::write_file(scratch / "f", pattern(3 * huge + 5));
  const auto pages = [] {
    std::size_t total = 0;
    std::ifstream("/proc/self/statm") >> total;
    return total;
  };
  const File file = File::open_read(scratch / "f");
  const auto map_once = [&] { (void)Mapping::map(file, 3 * huge + 5, Protection::read_only); };
  map_once();
  const std::size_t before = pages();
  if (before == 0) GTEST_SKIP() << "no /proc";
  for (int i = 0; i < 50; ++i) map_once();
  EXPECT_LT(pages(), before + 1000);
}

TEST(PosixMapping, WritesStayPrivate) {
  const Scratch scratch;
  test::write_file(scratch / "f", pattern(5000));
  const File file = File::open_read(scratch / "f");
  const Mapping written = Mapping::map(file, 5000, Protection::private_writable);
  const Mapping read = Mapping::map(file, 5000, Protection::read_only);
  written.data()[4999] = std::byte{0xAA};
  EXPECT_EQ(written.data()[4999], std::byte{0xAA});
  EXPECT_EQ(text_of(read), pattern(5000));
  EXPECT_EQ(test::read_file(scratch / "f"), pattern(5000));
}

TEST(PosixMapping, OutlivesHandleAndName) {
  const Scratch scratch;
  test::write_file(scratch / "f", pattern(5000));
  Mapping mapping = Mapping::map(File::open_read(scratch / "f"), 5000, Protection::read_only);
  std::filesystem::remove(scratch / "f");
  Mapping moved = std::move(mapping);
  EXPECT_EQ(mapping.data(), nullptr);  // NOLINT: the state after a move is what is tested
  EXPECT_EQ(text_of(moved), pattern(5000));
  moved.unmap();
  EXPECT_EQ(moved.data(), nullptr);
  EXPECT_EQ(moved.size(), 0U);
}

TEST(PosixMapping, SaysWhatCannotBeMapped) {
  const Scratch scratch;
  const auto code = [](const File& file, std::uint64_t length) {
    try {
      (void)Mapping::map(file, length, Protection::read_only);
    } catch (const Error& error) {
      EXPECT_FALSE(error.advice().empty());
      return error.code();
    }
    return Code{0};
  };
  EXPECT_EQ(code(File::open_read(scratch.folder().string()), 4096), Code::cannot_map);
  test::write_file(scratch / "f", "x");
  const File file = File::open_read(scratch / "f");
  EXPECT_EQ(code(file, std::uint64_t{1} << 62), Code::out_of_memory);
  EXPECT_EQ(code(file, ~std::uint64_t{0}), Code::out_of_memory);
}

TEST(PosixMapping, ObeysTheLimitOfAddressSpace) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer leaves too little address space";
#endif
  const Scratch scratch;
  test::write_file(scratch / "f", "x");
  std::filesystem::resize_file(scratch / "f", std::uint64_t{64} << 30);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const File file = File::open_read(scratch / "f");
    const rlimit limit{rlim_t{32} << 30, rlim_t{32} << 30};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) return "skip: no limit";
    try {
      (void)Mapping::map(file, std::uint64_t{64} << 30, Protection::read_only);
    } catch (const Error& error) {
      return error.code() == Code::out_of_memory ? "" : error.what();
    }
    return "mapped beyond the limit";
  }));
}

// A writable private mapping of a file far larger than the memory is free until it is written.
TEST(PosixMapping, ChargesNothingUpFront) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer leaves too little address space";
#endif
  const Scratch scratch;
  test::write_file(scratch / "f", "x");
  int overcommit = 2;
  std::ifstream("/proc/sys/vm/overcommit_memory") >> overcommit;
  if (overcommit == 2) GTEST_SKIP() << "the system charges every private mapping";
  constexpr std::uint64_t size = std::uint64_t{4} << 40;
  std::filesystem::resize_file(scratch / "f", size);
  const Mapping mapping =
      Mapping::map(File::open_read(scratch / "f"), size, Protection::private_writable);
  mapping.data()[size - 1] = std::byte{1};
  EXPECT_EQ(mapping.data()[0], std::byte{'x'});
}

}  // namespace
}  // namespace tensorhold::os
