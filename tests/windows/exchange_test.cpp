// Exchanging the views of a mapping at their addresses, while others read and write.
#include <array>
#include <atomic>
#include <cstdio>
#include <thread>

#include "os/fault/gap_windows.hpp"
#include "os/file/file.hpp"
#include "os/file/mapping.hpp"
#include "os/file/placeholder_windows.hpp"
#include "os/release/exchange_windows.hpp"
#include "support.hpp"

namespace tensorhold::tests {
namespace {

using os::Mapping;
using os::Part;
using os::Protection;
using os::windows::exchange_view;
using os::windows::exchangeable_views;
using os::windows::GapHandler;

class WindowsExchange : public WindowsTest {
 protected:
  void SetUp() override {
    calls_ = os::windows::placeholder_calls();
    if (calls_ == nullptr) GTEST_SKIP() << "no placeholders here";
  }

  // Exchanges all views, everything alive.
  void exchange(const Mapping& mapping, bool writable) const {
    const GapHandler handler(mapping.data(), mapping.size());
    const auto views = exchangeable_views(mapping.data(), mapping.size(), writable);
    ASSERT_FALSE(views.empty());
    for (const Part& view : views) {
      const Part all{0, view.end - view.begin};
      ASSERT_EQ(exchange_view(*calls_, mapping.data() + view.begin, all.end, {&all, 1}, writable),
                static_cast<DWORD>(NO_ERROR));
    }
  }

  static DWORD type_at(const std::byte* address) {
    MEMORY_BASIC_INFORMATION info{};
    VirtualQuery(address, &info, sizeof info);
    return info.State;
  }

  // True when nothing holds the file any more.
  static bool is_free(const std::string& path) {
    return static_cast<bool>(open(path, GENERIC_WRITE, os::windows::share_all, TRUNCATE_EXISTING));
  }

  const os::windows::PlaceholderCalls* calls_ = nullptr;
};

TEST_F(WindowsExchange, BytesStayAndTheFileIsFree) {
  const std::uint64_t size = 2 * std::uint64_t{os::windows::view_bytes(false)} + 4'321;
  const std::string where = make_file("held.bin", size);
  auto mapping = Mapping::map(os::File::open_read(where), size, Protection::read_only);
  std::byte* const base = mapping.data();
  EXPECT_FALSE(is_free(where));
  exchange(mapping, false);
  EXPECT_TRUE(is_free(where));
  EXPECT_EQ(first_wrong({mapping.data(), mapping.size()}), size);
  mapping.unmap();
  for (std::size_t at = 0; at < size; at += 1U << 20)
    ASSERT_EQ(type_at(base + at), static_cast<DWORD>(MEM_FREE)) << at;
}

TEST_F(WindowsExchange, PrivateModificationsStayAndWritingGoesOn) {
  const std::uint64_t size = 3 * std::uint64_t{os::windows::view_bytes(true)} + 99;
  const std::string where = make_file("held.bin", size);
  const auto mapping = Mapping::map(os::File::open_read(where), size, Protection::private_writable);
  mapping.data()[5] = std::byte{0xaa};
  mapping.data()[size - 1] = std::byte{0xbb};
  exchange(mapping, true);
  EXPECT_TRUE(is_free(where));
  EXPECT_EQ(mapping.data()[5], std::byte{0xaa});
  EXPECT_EQ(mapping.data()[size - 1], std::byte{0xbb});
  mapping.data()[5] = expected_byte(5);
  mapping.data()[size - 1] = expected_byte(size - 1);
  EXPECT_EQ(first_wrong({mapping.data(), mapping.size()}), size);
}

TEST_F(WindowsExchange, DeadPagesCostNothing) {
  const std::size_t page = os::page_size();
  const std::uint64_t size = 40 * page;
  const std::string where = make_file("sparse.bin", size);
  const auto mapping = Mapping::map(os::File::open_read(where), size, Protection::read_only);
  {
    const GapHandler handler(mapping.data(), mapping.size());
    const std::array<Part, 3> live{Part{0, 10}, Part{page * 7 + 5, page * 9 + 1},
                                   Part{page * 39 + 1, page * 40}};
    ASSERT_EQ(exchange_view(*calls_, mapping.data(), size, live, false),
              static_cast<DWORD>(NO_ERROR));
  }
  EXPECT_TRUE(is_free(where));
  for (std::size_t i = 0; i < 40; ++i) {
    const bool alive = i == 0 || (i >= 7 && i <= 9) || i == 39;
    const std::byte* const at = mapping.data() + i * page;
    ASSERT_EQ(type_at(at), static_cast<DWORD>(alive ? MEM_COMMIT : MEM_RESERVE)) << i;
    for (std::size_t j = 0; alive && j < page; ++j) ASSERT_EQ(at[j], expected_byte(i * page + j));
  }
}

TEST_F(WindowsExchange, AViewWithNothingAliveGivesEverythingButItsAddresses) {
  const std::string where = make_file("dead.bin", 100'000);
  const auto mapping = Mapping::map(os::File::open_read(where), 100'000, Protection::read_only);
  ASSERT_EQ(exchange_view(*calls_, mapping.data(), 100'000, {}, false),
            static_cast<DWORD>(NO_ERROR));
  EXPECT_TRUE(is_free(where));
  EXPECT_EQ(type_at(mapping.data()), static_cast<DWORD>(MEM_RESERVE));
}

TEST_F(WindowsExchange, ReadersNeverSeeAWrongByte) {
  constexpr std::uint64_t wanted = 10'000'000;
  const std::uint64_t size = std::uint64_t{os::windows::view_bytes(false)} + (8U << 20);
  const std::string where = make_file("read.bin", size);
  std::atomic<std::uint64_t> checked = 0;
  std::atomic<std::uint64_t> wrong = 0;
  int rounds = 0;
  while (checked < wanted || rounds < 5) {
    const auto mapping = Mapping::map(os::File::open_read(where), size, Protection::read_only);
    std::atomic<bool> done = false;
    std::vector<std::thread> readers;
    for (unsigned r = 0; r < 3; ++r)
      readers.emplace_back([&, r] {
        const volatile std::byte* const bytes = mapping.data();
        std::uint64_t at = r * 1'000'003;
        std::uint64_t seen = 0;
        std::uint64_t bad = 0;
        while (!done) {
          for (int i = 0; i < 1000; ++i) {
            at = (at + 4'099 * 7) % size;
            bad += bytes[at] == expected_byte(at) ? 0 : 1;
          }
          seen += 1000;
        }
        checked += seen;
        wrong += bad;
      });
    exchange(mapping, false);
    done = true;
    for (auto& reader : readers) reader.join();
    ++rounds;
  }
  EXPECT_EQ(wrong, 0U);
  EXPECT_GE(checked, wanted);
  RecordProperty("checked", std::to_string(checked));
  std::printf("%llu reads checked in %d releases\n",
              static_cast<unsigned long long>(checked.load()), rounds);
}

TEST_F(WindowsExchange, WritersLoseNothing) {
  const std::uint64_t size = 6 * std::uint64_t{os::windows::view_bytes(true)};
  const std::string where = make_file("write.bin", size);
  std::uint64_t written = 0;
  for (int round = 0; round < 20; ++round) {
    const auto mapping =
        Mapping::map(os::File::open_read(where), size, Protection::private_writable);
    std::atomic<bool> done = false;
    constexpr unsigned writers = 3;
    std::array<std::uint64_t, writers> counts{};
    std::vector<std::thread> threads;
    // Each writer counts in words of its own, one in each page of its share.
    const auto word = [&](unsigned writer, std::uint64_t i) {
      const std::uint64_t pages = size / 4096 / writers;
      return reinterpret_cast<std::uint64_t*>(mapping.data() +
                                              (i % pages * writers + writer) * 4096);
    };
    for (unsigned w = 0; w < writers; ++w)
      for (std::uint64_t i = 0; i < size / 4096 / writers; ++i) *word(w, i) = 0;
    for (unsigned w = 0; w < writers; ++w)
      threads.emplace_back([&, w] {
        std::uint64_t n = 0;
        while (!done)
          for (int i = 0; i < 100; ++i, ++n) {
            volatile std::uint64_t* const at = word(w, n * 7);
            *at = *at + 1;
          }
        counts[w] = n;
      });
    exchange(mapping, true);
    done = true;
    for (auto& thread : threads) thread.join();
    for (unsigned w = 0; w < writers; ++w) {
      std::uint64_t sum = 0;
      for (std::uint64_t i = 0; i < size / 4096 / writers; ++i) sum += *word(w, i);
      ASSERT_EQ(sum, counts[w]) << "writer " << w;
      written += counts[w];
    }
  }
  std::printf("%llu writes, none lost\n", static_cast<unsigned long long>(written));
}

TEST(WindowsGap, TheHandlerGoesAndForeignFaultsPass) {
  auto* const memory =
      static_cast<std::byte*>(VirtualAlloc(nullptr, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READONLY));
  static std::atomic<int> seen;
  seen = 0;
  // As the program's own handler would, behind ours.
  void* const own = AddVectoredExceptionHandler(0, [](EXCEPTION_POINTERS* e) -> LONG {
    if (e->ExceptionRecord->ExceptionCode != EXCEPTION_ACCESS_VIOLATION)
      return EXCEPTION_CONTINUE_SEARCH;
    ++seen;
    DWORD before = 0;
    VirtualProtect(reinterpret_cast<void*>(e->ExceptionRecord->ExceptionInformation[1]), 1,
                   PAGE_READWRITE, &before);
    return EXCEPTION_CONTINUE_EXECUTION;
  });
  for (const bool covered : {false, true}) {
    DWORD before = 0;
    VirtualProtect(memory, 4096, PAGE_READONLY, &before);
    // Covered by us or not: a write that will never be possible is not ours to swallow.
    const GapHandler handler(memory, covered ? 4096 : 0);
    EXPECT_TRUE(os::windows::gap_handler_installed());
    *const_cast<volatile std::byte*>(memory) = std::byte{1};
  }
  EXPECT_EQ(seen, 2);
  RemoveVectoredExceptionHandler(own);
  for (int i = 0; i < 300 && os::windows::gap_handler_installed(); ++i) Sleep(100);
  EXPECT_FALSE(os::windows::gap_handler_installed());
  VirtualFree(memory, 0, MEM_RELEASE);
}

}  // namespace
}  // namespace tensorhold::tests
