// What a release costs, and what the system may refuse it, on Linux.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "support/child_posix.hpp"
#include "support/many_tensors.hpp"
#include "support/maps_linux.hpp"
#include "support/refuse_linux.hpp"

namespace tensorhold {
namespace {

constexpr std::size_t page_words = 512;
constexpr std::size_t page = 4096;

TEST(ReleaseCost, DeadTensorsCostNothingAndMappingsStayFew) {
  constexpr std::size_t count = 200'000;
  const test::ManyTensors made(count, page_words);
  const File file = made.open();
  std::vector<Tensor> live;
  for (std::size_t i = 0; i < count; i += 2) live.push_back(file.at(i));
  const std::byte* const begin = live.front().bytes().data();
  const Released released = file.release();
  const test::RangeUse use = test::use_of(begin, count * page);
  EXPECT_EQ(released.bytes, live.size() * page);
  EXPECT_LE(use.anonymous_bytes, live.size() * page + page);
  EXPECT_LT(use.mappings, 100U);
  for (std::size_t i = 0; i < live.size(); i += 97) ASSERT_EQ(made.wrong_words(live[i], i * 2), 0U);
}

TEST(ReleaseCost, ManyLongRunsGetHugePagesInFewMappings) {
  const test::ManyTensors made(90, std::size_t{3} << 18);  // 6 MiB each
  const File file = made.open();
  std::vector<Tensor> live;
  for (std::size_t i = 0; i < 90; i += 2) live.push_back(file.at(i));
  (void)file.release();
  const test::RangeUse use = test::use_of(live[0].bytes().data(), std::size_t{90} * 6 << 20);
  EXPECT_LT(use.mappings, 100U);
  EXPECT_LE(use.anonymous_bytes, (std::uint64_t{45} * 6 << 20) + 90 * page);
  for (std::size_t i = 0; i < live.size(); ++i) EXPECT_EQ(made.wrong_words(live[i], i * 2), 0U);
}

TEST(ReleaseCost, DroppingATensorLaterGivesItsMemoryBack) {
  const test::ManyTensors made(4, page_words * 100 + 100);  // neighbours share pages
  const File file = made.open();
  std::vector<Tensor> live;
  for (std::size_t i = 0; i < 4; ++i) live.push_back(file.at(i));
  const std::byte* const begin = live.front().bytes().data();
  (void)file.release();
  const auto used = [&] { return test::use_of(begin, 4 * 101 * page).anonymous_bytes; };
  const std::uint64_t all = used();
  live[1] = Tensor();
  EXPECT_LE(used(), all - 99 * page);
  live[2] = Tensor();
  EXPECT_LE(used(), all - 199 * page);
  EXPECT_EQ(made.wrong_words(live[0], 0), 0U);
  EXPECT_EQ(made.wrong_words(live[3], 3), 0U);
}

TEST(ReleaseRefused, WithoutAddressSpaceForAWholeMirrorItWorksInChunks) {
  const test::ManyTensors made(3, std::size_t{16} << 20);  // 128 MiB each
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const File file = made.open();
    const Tensor tensor = file.at(1);
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlimit limit{pages * page + (std::size_t{100} << 20), RLIM_INFINITY};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) return "skip: no limit of address space";
    (void)file.release({.threads = 1});
    if (tensor.mapped()) return "not released";
    return made.wrong_words(tensor, 1) == 0 ? "" : "wrong bytes";
  }));
}

TEST(ReleaseRefused, WithoutAnyAddressSpaceNothingChanges) {
  const test::ManyTensors made(3, std::size_t{16} << 20);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const File file = made.open();
    const Tensor tensor = file.at(1);
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlimit limit{pages * page + (std::size_t{20} << 20), RLIM_INFINITY};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) return "skip: no limit of address space";
    try {
      (void)file.release({.threads = 1});
      return "not refused";
    } catch (const Error& error) {
      if (error.code() != Code::release_partial && error.code() != Code::out_of_memory)
        return error.what();
    }
    if (made.wrong_words(tensor, 1) != 0) return "wrong bytes";
    const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_AS, &none) != 0) return "no way back";
    (void)file.release();
    return made.wrong_words(tensor, 1) == 0 && !tensor.mapped() ? "" : "second release failed";
  }));
}

TEST(ReleaseRefused, WhenTheSystemMovesNothingNothingChanges) {
  const test::ManyTensors made(3, page_words * 4);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const File file = made.open();
    const Tensor tensor = file.at(1);
    if (!test::refuse(SYS_mremap, ENOMEM)) return "skip: no system call filter";
    try {
      (void)file.release();
      return "not refused";
    } catch (const Error& error) {
      if (error.code() != Code::out_of_memory) return error.what();
    }
    if (!tensor.mapped()) return "claims to be released";
    if (made.wrong_words(file.at(2), 2) != 0) return "a new tensor is wrong";
    return made.wrong_words(tensor, 1) == 0 ? "" : "wrong bytes";
  }));
}

TEST(ReleaseOfATruncatedFile, ChangesNothingWhenThatIsKnownBefore) {
  const test::ManyTensors made(8, std::size_t{2} << 20);  // 16 MiB each
  const File file = made.open();
  const Tensor first = file.at(0);
  const Tensor last = file.at(7);
  std::filesystem::resize_file(made.path(), std::filesystem::file_size(made.path()) / 2);
  try {
    (void)file.release({.threads = 1});
    FAIL() << "the bytes of the last tensor are gone";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::truncated) << error.what();
    EXPECT_EQ(error.tensor(), made.name(7)) << error.what();
    EXPECT_EQ(error.path(), made.path());
  }
  EXPECT_TRUE(first.mapped());
  EXPECT_TRUE(file.at(1).mapped());
  EXPECT_EQ(made.wrong_words(first, 0), 0U);
}

TEST(ReleaseOfATruncatedFile, KeepsWhatIsThereAndNamesWhatIsNot) {
  const test::ManyTensors made(8, std::size_t{2} << 20);  // 16 MiB each
  const File file = made.open();
  const Tensor first = file.at(0);
  const Tensor last = file.at(7);
  const auto cut = [&](std::uint64_t, std::uint64_t) {
    std::filesystem::resize_file(made.path(), std::filesystem::file_size(made.path()) / 2);
  };
  try {
    (void)file.release({.threads = 1, .progress = cut});
    FAIL() << "the bytes of the last tensor are gone";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::release_partial) << error.what();
    EXPECT_TRUE(last.mapped());
    EXPECT_EQ(error.tensor(), made.name(7)) << error.what();
    EXPECT_EQ(error.path(), made.path());
  }
  EXPECT_EQ(made.wrong_words(first, 0), 0U);
  // What was exchanged is no more the file's, however short that is.
  EXPECT_EQ(first.copy().nbytes(), first.nbytes());
}

TEST(ReleaseOfASealedMapping, IsRefused) {
#ifndef SYS_mseal
  constexpr long mseal = 462;
#else
  constexpr long mseal = SYS_mseal;
#endif
  const test::ManyTensors made(2, page_words * 4);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const File file = made.open();
    const Tensor tensor = file.at(1);
    const auto address = reinterpret_cast<std::uintptr_t>(tensor.bytes().data()) / page * page;
    if (::syscall(mseal, address, page, 0) != 0) return "skip: the kernel has no mseal";
    try {
      (void)file.release();
      return "not refused";
    } catch (const Error& error) {
      if (error.code() != Code::release_refused) return error.what();
    }
    return made.wrong_words(tensor, 1) == 0 ? "" : "wrong bytes";
  }));
}

}  // namespace
}  // namespace tensorhold
