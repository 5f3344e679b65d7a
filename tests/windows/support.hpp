// What the tests of this folder share: files in a folder of their own, and bytes to recognise.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "os/error/api_windows.hpp"
#include "os/error/path_windows.hpp"

namespace tensorhold::tests {

/// The byte that files of these tests have at `offset`; neighbouring pages differ.
[[nodiscard]] inline std::byte expected_byte(std::uint64_t offset) noexcept {
  return static_cast<std::byte>((offset * 2654435761U) >> 13 ^ offset >> 12);
}

/// First offset at which `bytes` are not what the file had; bytes.size() when all are.
[[nodiscard]] inline std::size_t first_wrong(std::span<const std::byte> bytes) noexcept {
  std::size_t i = 0;
  while (i < bytes.size() && bytes[i] == expected_byte(i)) ++i;
  return i;
}

/// "8.0" and the like; empty on Windows.
[[nodiscard]] inline std::string wine_version() {
  using Version = const char*(__cdecl*)();
  const HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
  const auto version = std::bit_cast<Version>(GetProcAddress(ntdll, "wine_get_version"));
  return version == nullptr ? "" : version();
}

/// A folder that goes with the test.
class WindowsTest : public testing::Test {
 protected:
  WindowsTest() {
    const auto* const info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              ("tensorhold-" + std::string(info->name()) + std::to_string(GetCurrentProcessId()));
    std::filesystem::create_directories(folder_);
  }
  ~WindowsTest() override { remove_tree(utf8_folder()); }

  [[nodiscard]] std::string path(const std::string& name) const {
    return utf8_folder() + "\\" + name;
  }

  /// A file of expected_byte()s, opened with access and sharing, as a foreign program would.
  [[nodiscard]] static os::windows::Handle open(const std::string& path, DWORD access,
                                                DWORD share = os::windows::share_all,
                                                DWORD disposition = OPEN_EXISTING) {
    return os::windows::Handle(CreateFileW(os::windows::wide_path(path).c_str(), access, share,
                                           nullptr, disposition, FILE_ATTRIBUTE_NORMAL, nullptr));
  }

  std::string make_file(const std::string& name, std::uint64_t size) const {
    std::string where = path(name);
    const auto file = open(where, GENERIC_WRITE, os::windows::share_all, CREATE_ALWAYS);
    EXPECT_TRUE(file) << where << ": error " << GetLastError();
    std::vector<std::byte> block;
    for (std::uint64_t at = 0; at < size; at += block.size()) {
      block.resize(static_cast<std::size_t>(std::min<std::uint64_t>(size - at, 1U << 20)));
      for (std::size_t i = 0; i < block.size(); ++i) block[i] = expected_byte(at + i);
      DWORD done = 0;
      EXPECT_NE(
          WriteFile(file.get(), block.data(), static_cast<DWORD>(block.size()), &done, nullptr), 0);
      EXPECT_EQ(done, block.size());
    }
    return where;
  }

  [[nodiscard]] std::string utf8_folder() const { return os::windows::utf8(folder_.wstring()); }

  // std::filesystem of mingw-w64 stops at 260 characters.
  static void remove_tree(const std::string& folder) {
    std::vector<std::string> names;
    WIN32_FIND_DATAW found{};
    const HANDLE search = FindFirstFileW(wide(folder + "\\*").c_str(), &found);
    if (search != INVALID_HANDLE_VALUE) {
      do names.push_back(os::windows::utf8(found.cFileName));
      while (FindNextFileW(search, &found) != 0);
      FindClose(search);
    }
    for (const std::string& name : names) {
      if (name == "." || name == "..") continue;
      const std::string entry = folder + "\\" + name;
      SetFileAttributesW(wide(entry).c_str(), FILE_ATTRIBUTE_NORMAL);
      if (DeleteFileW(wide(entry).c_str()) == 0) remove_tree(entry);
    }
    RemoveDirectoryW(wide(folder).c_str());
  }
  static std::wstring wide(const std::string& path) { return os::windows::wide_path(path); }

  std::filesystem::path folder_;
};

}  // namespace tensorhold::tests
