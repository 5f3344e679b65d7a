// Writing, replacing and removing: the ladders of this system.
#include <array>
#include <cstring>
#include <optional>
#include <thread>

#include "os/file/mapping.hpp"
#include "os/file/placeholder_windows.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "os/replace/remove.hpp"
#include "os/replace/temporary.hpp"
#include "support.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::tests {
namespace {

using os::Mapping;
using os::Patience;
using os::Place;
using os::Protection;
using os::Temporary;
using os::windows::wide_path;

class WindowsWrite : public WindowsTest {
 protected:
  // Puts a file of `size` bytes in place of `path`.
  static void replace(const std::string& path, std::size_t size) {
    const Place place = Place::of(path, false);
    Temporary temporary = Temporary::create(place);
    const std::vector<std::byte> bytes(size, std::byte{7});
    const std::span<const std::byte> part(bytes);
    temporary.preallocate(size);
    temporary.write_at(0, std::span(&part, 1));
    temporary.keep_attributes();
    EXPECT_TRUE(temporary.sync());
    temporary.put_in_place();
    place.sync();
  }

  static std::vector<std::byte> read(const std::string& path) {
    const auto file = os::File::open_read(path);
    std::vector<std::byte> bytes(file.status().size);
    file.read_at(0, bytes);
    return bytes;
  }

  static void expect_new(const std::string& path, std::size_t size) {
    EXPECT_EQ(read(path), std::vector<std::byte>(size, std::byte{7}));
  }

  /// Names in the test's folder, apart from `but`.
  [[nodiscard]] std::vector<std::string> others(const std::string& but) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      std::string name = os::windows::utf8(entry.path().filename().wstring());
      if (name != but) names.push_back(std::move(name));
    }
    return names;
  }

  template <class Call>
  static std::optional<Code> code_of(Call call) {
    try {
      call();
    } catch (const Error& error) {
      return error.code();
    }
    return std::nullopt;
  }
};

TEST_F(WindowsWrite, ANewFile) {
  replace(path("new.bin"), 100'000);
  expect_new(path("new.bin"), 100'000);
  EXPECT_TRUE(others("new.bin").empty());
}

TEST_F(WindowsWrite, OverAFileThatIsOpen) {
  const std::string where = make_file("open.bin", 5000);
  const auto reader = os::File::open_read(where);
  replace(where, 300);
  expect_new(where, 300);
  std::vector<std::byte> bytes(5000);
  reader.read_at(0, bytes);
  EXPECT_EQ(first_wrong(bytes), bytes.size());
}

TEST_F(WindowsWrite, OverAFileThatIsMappedAndItsBytesStay) {
  const std::string where = make_file("mapped.bin", 500'000);
  auto mapping = Mapping::map(os::File::open_read(where), 500'000, Protection::read_only);
  replace(where, 300);
  expect_new(where, 300);
  EXPECT_EQ(first_wrong({mapping.data(), mapping.size()}), mapping.size());
  // Whatever had to stay beside it goes once nobody maps it.
  mapping.unmap();
  (void)Place::of(where, false).remove_stale();
  EXPECT_TRUE(others("mapped.bin").empty());
  expect_new(where, 300);
}

TEST_F(WindowsWrite, OverAReadOnlyFile) {
  const std::string where = make_file("protected.bin", 50);
  ASSERT_NE(SetFileAttributesW(wide_path(where).c_str(), FILE_ATTRIBUTE_READONLY), 0);
  const auto code = code_of([&] { replace(where, 300); });
  if (code) {
    EXPECT_EQ(*code, Code::permission_denied);  // systems before 1809
    EXPECT_EQ(read(where).size(), 50U);
    SetFileAttributesW(wide_path(where).c_str(), FILE_ATTRIBUTE_NORMAL);
  } else {
    expect_new(where, 300);
  }
  EXPECT_TRUE(others("protected.bin").empty());
}

TEST_F(WindowsWrite, AForeignProgramThatSharesNothingIsReportedAndNothingChanges) {
  const std::string where = make_file("locked.bin", 5000);
  {
    const auto foreign = open(where, GENERIC_READ, FILE_SHARE_READ);
    ASSERT_TRUE(foreign);
    const auto code = code_of([&] { replace(where, 300); });
    EXPECT_TRUE(code == Code::file_in_use || code == Code::permission_denied);
    EXPECT_EQ(code_of([&] { os::remove_file(where, Patience::none); }), Code::file_in_use);
    EXPECT_EQ(first_wrong(read(where)), 5000U);
  }
  EXPECT_TRUE(others("locked.bin").empty());
  replace(where, 300);
  expect_new(where, 300);
}

TEST_F(WindowsWrite, AScannerIsWaitedFor) {
  const std::string where = make_file("scanned.bin", 5000);
  for (const bool removing : {false, true}) {
    auto scanner = open(where, GENERIC_READ, FILE_SHARE_READ);
    ASSERT_TRUE(scanner);
    std::thread leaves([&scanner] {
      Sleep(150);
      scanner.reset();
    });
    EXPECT_NO_THROW(removing ? os::remove_file(where, Patience::scanner) : replace(where, 300));
    leaves.join();
  }
  EXPECT_TRUE(others("").empty());
}

TEST_F(WindowsWrite, GivingUpLeavesNothing) {
  const std::string where = path("given-up.bin");
  const Place place = Place::of(where, false);
  {
    Temporary temporary = Temporary::create(place);
    EXPECT_EQ(others("").size(), 1U);
    EXPECT_TRUE(os::parse_temporary_name(others("").front()));
  }
  EXPECT_TRUE(others("").empty());
}

TEST_F(WindowsWrite, StaleTemporariesGoAndLivingOnesStay) {
  const std::string where = path("w.bin");
  make_file(os::make_temporary_name("w.bin", 1), 100);
  make_file(os::make_temporary_name("x.bin", 1), 100);
  const Place place = Place::of(where, false);
  const Temporary living = Temporary::create(place);
  EXPECT_EQ(place.remove_stale(), 2U);  // that of another file too
  EXPECT_EQ(others("").size(), 1U);
}

TEST_F(WindowsWrite, AnOldFileThatAKilledWriterMovedAsideComesBack) {
  std::string aside = os::make_temporary_name("w.bin", 1);
  aside.replace(aside.size() - 4, 4, ".old");
  make_file(aside, 5000);
  const Place place = Place::of(path("w.bin"), false);
  EXPECT_EQ(Place::of(path("other.bin"), false).remove_stale(), 0U);  // whatever is saved there
  EXPECT_EQ(first_wrong(read(path("w.bin"))), 5000U);
  make_file(aside, 10);
  EXPECT_EQ(place.remove_stale(), 1U);
  EXPECT_EQ(first_wrong(read(path("w.bin"))), 5000U);
  EXPECT_TRUE(others("w.bin").empty());
}

TEST_F(WindowsWrite, AttributesAreKept) {
  const std::string where = make_file("hidden.bin", 10);
  ASSERT_NE(SetFileAttributesW(wide_path(where).c_str(), FILE_ATTRIBUTE_HIDDEN), 0);
  replace(where, 300);
  EXPECT_NE(GetFileAttributesW(wide_path(where).c_str()) & FILE_ATTRIBUTE_HIDDEN, 0U);
}

TEST_F(WindowsWrite, FromMappedMemoryAcrossViews) {
  constexpr std::uint64_t size = 2 * std::uint64_t{os::windows::view_bytes(false)} + 777;
  const auto mapping =
      Mapping::map(os::File::open_read(make_file("from.bin", size)), size, Protection::read_only);
  const Place place = Place::of(path("to.bin"), false);
  Temporary temporary = Temporary::create(place);
  const std::span<const std::byte> all(mapping.data(), mapping.size());
  const std::array parts{all.first(1), all.subspan(1, 0), all.subspan(1)};
  temporary.write_at(0, parts);
  temporary.put_in_place();
  EXPECT_EQ(first_wrong(read(path("to.bin"))), size);
}

TEST_F(WindowsWrite, MemoryThatIsGoneIsAnErrorWithItsOffset) {
  if (wine_version().starts_with("8."))
    GTEST_SKIP() << "Wine 8 reads a process's memory whatever its protection";
  auto* const memory =
      static_cast<std::byte*>(VirtualAlloc(nullptr, os::page_size(), MEM_RESERVE, PAGE_NOACCESS));
  const Place place = Place::of(path("gone.bin"), false);
  Temporary temporary = Temporary::create(place);
  const std::vector<std::byte> first(100);
  const std::array parts{std::span<const std::byte>(first),
                         std::span<const std::byte>(memory, os::page_size())};
  try {
    temporary.write_at(50, parts);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::truncated);
    EXPECT_EQ(error.offset(), 150U);
  }
  VirtualFree(memory, 0, MEM_RELEASE);
}

TEST_F(WindowsWrite, PlacesThatCannotBe) {
  const auto place = [this](const std::string& name) {
    return code_of([&] { (void)Place::of(path(name), false); });
  };
  EXPECT_EQ(place("no/where.bin"), Code::not_found);
  EXPECT_EQ(place("folder\\"), Code::not_a_file);
  EXPECT_EQ(place("."), Code::not_a_file);
  EXPECT_EQ(place("file:stream"), Code::invalid_argument);
  make_file("file.bin", 1);
  EXPECT_EQ(code_of([&] { (void)Temporary::create(Place::of(utf8_folder(), false)); }),
            Code::not_a_file);
  EXPECT_EQ(Place::of(path("file.bin"), true).status()->size, 1U);
  EXPECT_EQ(Place::of(path("nobody.bin"), false).status(), std::nullopt);
}

TEST_F(WindowsWrite, RemovingAFileThatIsOpenFreesTheName) {
  const std::string where = make_file("open.bin", 5000);
  const auto reader = os::File::open_read(where);
  os::remove_file(where, Patience::none);
  EXPECT_EQ(os::status_at(where), std::nullopt);
  make_file("open.bin", 10);
  std::vector<std::byte> bytes(5000);
  reader.read_at(0, bytes);
  EXPECT_EQ(first_wrong(bytes), bytes.size());
}

TEST_F(WindowsWrite, RemovingAFileThatIsMappedFreesTheNameOrSaysThatItIsHeld) {
  const std::string where = make_file("mapped.bin", 500'000);
  const auto mapping = Mapping::map(os::File::open_read(where), 500'000, Protection::read_only);
  const auto code = code_of([&] { os::remove_file(where, Patience::none); });
  if (code) {
    EXPECT_EQ(*code, Code::file_in_use);
    EXPECT_EQ(os::status_at(where)->size, 500'000U);
  } else {
    EXPECT_EQ(os::status_at(where), std::nullopt);
  }
  EXPECT_EQ(first_wrong({mapping.data(), mapping.size()}), mapping.size());
}

TEST_F(WindowsWrite, MovingAMappedFileAsideFreesTheName) {
  const std::string where = make_file("mapped.bin", 500'000);
  auto mapping = Mapping::map(os::File::open_read(where), 500'000, Protection::read_only);
  const std::string aside = os::move_aside(where);
  EXPECT_EQ(os::status_at(where), std::nullopt);
  EXPECT_EQ(os::status_at(aside)->size, 500'000U);
  EXPECT_EQ(first_wrong({mapping.data(), mapping.size()}), mapping.size());
  mapping.unmap();
  EXPECT_EQ(Place::of(where, false).remove_stale(), 1U);
  EXPECT_TRUE(others("").empty());
}

TEST_F(WindowsWrite, RemovingWhatIsNotThereOrNoFile) {
  EXPECT_EQ(code_of([&] { os::remove_file(path("nobody.bin"), Patience::none); }), Code::not_found);
  EXPECT_EQ(code_of([&] { os::remove_file(utf8_folder(), Patience::none); }), Code::not_a_file);
  EXPECT_EQ(code_of([&] { (void)os::move_aside(path("nobody.bin")); }), Code::not_found);
}

}  // namespace
}  // namespace tensorhold::tests
