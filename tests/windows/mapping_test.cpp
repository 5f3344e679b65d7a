// Mappings: what they hold, and that the address space is given back.
#include <cstring>

#include "os/fault/copy.hpp"
#include "os/file/file.hpp"
#include "os/file/mapping.hpp"
#include "os/file/placeholder_windows.hpp"
#include "support.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::tests {
namespace {

using os::Mapping;
using os::Protection;
using os::windows::wide_path;

// Three views and a bit, ending inside a page.
constexpr std::uint64_t row_size = 3 * std::uint64_t{os::windows::view_bytes(false)} + 12'345;

std::span<const std::byte> bytes_of(const Mapping& mapping) {
  return {mapping.data(), mapping.size()};
}

class WindowsMapping : public WindowsTest {
 protected:
  static DWORD shrink(const std::string& path) {
    const auto file = open(path, GENERIC_WRITE);
    LARGE_INTEGER size;
    size.QuadPart = 10;
    if (SetFilePointerEx(file.get(), size, nullptr, FILE_BEGIN) == 0 ||
        SetEndOfFile(file.get()) == 0)
      return GetLastError();
    return NO_ERROR;
  }

  [[nodiscard]] DWORD replace(const std::string& path) const {
    const std::string next = make_file("next.bin", 20);
    if (MoveFileExW(wide_path(next).c_str(), wide_path(path).c_str(), MOVEFILE_REPLACE_EXISTING) ==
        0)
      return GetLastError();
    return NO_ERROR;
  }
};

TEST_F(WindowsMapping, ShowsTheFileAcrossViews) {
  const auto file = os::File::open_read(make_file("row.bin", row_size));
  const auto mapping = Mapping::map(file, row_size, Protection::read_only);
  EXPECT_EQ(mapping.size(), row_size);
  EXPECT_EQ(first_wrong(bytes_of(mapping)), row_size);
}

TEST_F(WindowsMapping, PartOfAFile) {
  const auto file = os::File::open_read(make_file("part.bin", 100'000));
  for (const std::uint64_t length : {1U, 4096U, 5000U, 99'999U}) {
    const auto mapping = Mapping::map(file, length, Protection::read_only);
    EXPECT_EQ(first_wrong(bytes_of(mapping)), length);
  }
}

TEST_F(WindowsMapping, AlignmentWherePlaceholdersExist) {
  if (os::windows::placeholder_calls() == nullptr) GTEST_SKIP() << "no placeholders here";
  const auto file = os::File::open_read(make_file("aligned.bin", row_size));
  const auto mapping = Mapping::map(file, row_size, Protection::read_only);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mapping.data()) % os::windows::mapping_alignment, 0U);
}

TEST_F(WindowsMapping, MoreThanTheFileHasIsAnError) {
  const auto file = os::File::open_read(make_file("short.bin", 5000));
  try {
    (void)Mapping::map(file, 5001, Protection::read_only);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::unexpected_end);
    EXPECT_EQ(error.offset(), 5000U);
  }
}

TEST_F(WindowsMapping, PrivateWritesStayPrivate) {
  const std::string where = make_file("private.bin", row_size);
  const auto file = os::File::open_read(where);
  const auto written = Mapping::map(file, row_size, Protection::private_writable);
  const auto seen = Mapping::map(file, row_size, Protection::read_only);
  EXPECT_EQ(first_wrong(bytes_of(written)), row_size);
  for (std::size_t at = 0; at < row_size; at += 1U << 20) written.data()[at] ^= std::byte{0xff};
  written.data()[row_size - 1] ^= std::byte{0xff};
  EXPECT_EQ(first_wrong(bytes_of(seen)), row_size);
  EXPECT_EQ(written.data()[1U << 20], expected_byte(1U << 20) ^ std::byte{0xff});
}

TEST_F(WindowsMapping, UnmapGivesTheAddressesBack) {
  const auto file = os::File::open_read(make_file("freed.bin", row_size));
  for (const auto protection : {Protection::read_only, Protection::private_writable}) {
    auto mapping = Mapping::map(file, row_size, protection);
    std::byte* const base = mapping.data();
    mapping.unmap();
    for (std::size_t at = 0; at < row_size; at += 1U << 20) {
      MEMORY_BASIC_INFORMATION info{};
      ASSERT_NE(VirtualQuery(base + at, &info, sizeof info), 0U);
      EXPECT_EQ(info.State, static_cast<DWORD>(MEM_FREE)) << at;
    }
  }
}

TEST_F(WindowsMapping, HoldsTheFileWithoutAHandle) {
  const std::string where = make_file("held.bin", row_size);
  auto file = os::File::open_read(where);
  auto mapping = Mapping::map(file, row_size, Protection::read_only);
  file.close();
  EXPECT_EQ(shrink(where), os::windows::error_user_mapped_file);
  EXPECT_FALSE(open(where, GENERIC_WRITE, os::windows::share_all, CREATE_ALWAYS));
  EXPECT_EQ(GetLastError(), os::windows::error_user_mapped_file);
  EXPECT_EQ(replace(where), static_cast<DWORD>(ERROR_ACCESS_DENIED));
  EXPECT_EQ(first_wrong(bytes_of(mapping)), row_size);
  mapping.unmap();
  EXPECT_EQ(shrink(where), static_cast<DWORD>(NO_ERROR));
  EXPECT_EQ(replace(where), static_cast<DWORD>(NO_ERROR));
}

TEST_F(WindowsMapping, AnOpenHandleAloneHoldsNothing) {
  const std::string where = make_file("free.bin", 5000);
  const auto file = os::File::open_read(where);
  EXPECT_EQ(shrink(where), static_cast<DWORD>(NO_ERROR));
  EXPECT_EQ(file.status().size, 10U);
}

TEST_F(WindowsMapping, AMappedFileCanBeRenamed) {
  const std::string where = make_file("named.bin", 5000);
  const auto file = os::File::open_read(where);
  const auto mapping = Mapping::map(file, 5000, Protection::read_only);
  EXPECT_NE(MoveFileExW(wide_path(where).c_str(), wide_path(path("aside.bin")).c_str(), 0), 0)
      << GetLastError();
  EXPECT_EQ(first_wrong(bytes_of(mapping)), 5000U);
}

TEST_F(WindowsMapping, OverwritingAndExtendingShowInTheView) {
  const std::string where = make_file("changed.bin", 5000);
  const auto file = os::File::open_read(where);
  const auto mapping = Mapping::map(file, 5000, Protection::read_only);
  const auto writer = open(where, GENERIC_WRITE);
  const std::vector<std::byte> zeros(6000);
  DWORD done = 0;
  ASSERT_NE(WriteFile(writer.get(), zeros.data(), 6000, &done, nullptr), 0) << GetLastError();
  EXPECT_EQ(file.status().size, 6000U);
  EXPECT_EQ(std::memcmp(mapping.data(), zeros.data(), 5000), 0);
}

TEST_F(WindowsMapping, CopiesOutOfMissingMemoryEndEarly) {
  if (wine_version().starts_with("8."))
    GTEST_SKIP() << "Wine 8 reads a process's memory whatever its protection";
  const auto page = os::page_size();
  auto* const memory =
      static_cast<std::byte*>(VirtualAlloc(nullptr, 2 * page, MEM_RESERVE, PAGE_NOACCESS));
  ASSERT_NE(memory, nullptr);
  ASSERT_NE(VirtualAlloc(memory, page, MEM_COMMIT, PAGE_READWRITE), nullptr);
  for (std::size_t i = 0; i < page; ++i) memory[i] = expected_byte(i);
  std::vector<std::byte> out(2 * page);
  EXPECT_LE(os::copy_readable(memory, out), page);
  EXPECT_EQ(os::copy_readable(memory, std::span(out).first(page)), page);
  EXPECT_EQ(first_wrong(std::span(out).first(page)), page);
  VirtualFree(memory, 0, MEM_RELEASE);
}

}  // namespace
}  // namespace tensorhold::tests
