// Release in place: same addresses, same bytes, and nothing of the file is held.
#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/many_tensors.hpp"
#if defined(__linux__)
#include "support/maps_linux.hpp"
#endif

namespace tensorhold {
namespace {

constexpr std::size_t page_words = 512;

Code code_of_error(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return Code{};
}

class ReleaseInPlace : public ::testing::TestWithParam<Access> {
 protected:
  void SetUp() override {
    if (GetParam() == Access::mapped && !test::releases_here()) GTEST_SKIP() << "no release here";
  }
};

class ReleaseOfViews : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::releases_here()) GTEST_SKIP() << "no release here";
  }
};

TEST(ReleaseRefusal, ChangesNothing) {
  if (test::releases_here()) GTEST_SKIP() << "this system releases in place";
  const test::ManyTensors made(2, 1000);
  const File file = made.open();
  const Tensor tensor = file.at(0);
  EXPECT_EQ(code_of_error([&] { (void)release(made.path()); }), Code::release_unsupported);
  EXPECT_TRUE(tensor.mapped());
  EXPECT_EQ(made.wrong_words(tensor, 0), 0U);
  EXPECT_EQ(made.wrong_words(file.at(1), 1), 0U);
}

TEST_P(ReleaseInPlace, KeepsAddressAndBytesOfLiveTensors) {
  const test::ManyTensors made(6, page_words * 700);
  const File file = made.open(GetParam());
  std::vector<Tensor> live;
  std::vector<const std::byte*> addresses;
  for (const std::size_t i : {0U, 1U, 3U, 5U}) {
    live.push_back(file.at(i));
    addresses.push_back(live.back().bytes().data());
  }
  const Released released = release(made.path());
  EXPECT_EQ(released.files, 1U);
  EXPECT_EQ(released.tensors, 4U);
  for (std::size_t n = 0; const std::size_t i : {0U, 1U, 3U, 5U}) {
    EXPECT_EQ(live[n].bytes().data(), addresses[n]);
    EXPECT_FALSE(live[n].mapped());
    EXPECT_EQ(made.wrong_words(live[n], i), 0U) << i;
    ++n;
  }
#if defined(__linux__)
  EXPECT_EQ(test::mappings_of(made.path()), 0U);
  EXPECT_EQ(test::descriptors_of(made.path()), 0U);
#endif
}

TEST_P(ReleaseInPlace, TheFileMayThenBeChangedAndDeleted) {
  const test::ManyTensors made(3, 1000);
  const Tensor tensor = made.open(GetParam()).at(1);
  (void)release(made.path());
  std::filesystem::resize_file(made.path(), 10);
  test::write_file(made.path(), std::string(1 << 16, 'x'));
  std::filesystem::remove(made.path());
  EXPECT_EQ(made.wrong_words(tensor, 1), 0U);
}

TEST_P(ReleaseInPlace, NewTensorsAreRefusedAndMetadataStays) {
  const test::ManyTensors made(3, 1000);
  const File file = made.open(GetParam());
  const Tensor held = file.at(0);
  (void)file.release();
  EXPECT_EQ(code_of_error([&] { (void)file.at(1); }), Code::released);
  EXPECT_EQ(code_of_error([&] { (void)file.writable(made.name(1)); }), Code::released);
  EXPECT_EQ(file.size(), 3U);
  EXPECT_EQ(file.info(2).nbytes, 8000U);
  const Tensor another_handle = held;
  EXPECT_EQ(made.wrong_words(another_handle, 0), 0U);
  EXPECT_EQ(made.wrong_words(held.copy(), 0), 0U);
}

TEST_P(ReleaseInPlace, ASecondReleaseFindsNothingToDo) {
  const test::ManyTensors made(3, 1000);
  const File file = made.open(GetParam());
  const Tensor tensor = file.at(0);
  (void)release(made.path());
  const Released again = release(made.path());
  EXPECT_EQ(again.bytes, 0U);
  EXPECT_EQ(made.wrong_words(tensor, 0), 0U);
}

TEST_P(ReleaseInPlace, OtherOpensOfThatFileAreReleasedToo) {
  const test::ManyTensors made(2, 1000);
  const std::string other_name = made.path() + ".link";
  std::filesystem::create_hard_link(made.path(), other_name);
  const Tensor first = made.open(GetParam()).at(0);
  const Tensor second = open(other_name, {.access = GetParam()}).at(1);
  EXPECT_EQ(release(made.path()).files, 2U);
  EXPECT_FALSE(first.mapped());
  EXPECT_FALSE(second.mapped());
  EXPECT_EQ(made.wrong_words(second, 1), 0U);
}

TEST_P(ReleaseInPlace, FilesThatWereReplacedAreFoundByTheirPath) {
  const test::ManyTensors made(2, 1000);
  const Tensor tensor = made.open(GetParam()).at(0);
  std::filesystem::rename(made.path(), made.path() + ".old");
  const std::vector<std::byte> bytes(8);
  const std::vector<std::uint64_t> shape{8};
  const SaveTensor one("w", Dtype::u8, shape, bytes);
  save(made.path(), {&one, 1});
  EXPECT_EQ(release(made.path()).files, 1U);
  EXPECT_FALSE(tensor.mapped());
}

INSTANTIATE_TEST_SUITE_P(Hold, ReleaseInPlace, ::testing::Values(Access::mapped, Access::owned),
                         [](const auto& access) {
                           return access.param == Access::mapped ? "mapped" : "owned";
                         });

TEST_F(ReleaseOfViews, WritableViewsKeepTheirModifications) {
  const test::ManyTensors made(4, page_words * 600);
  const File file = made.open();
  const Tensor view = file.writable(made.name(2));
  const Tensor original = file.at(2);
  std::byte* const bytes = view.writable_bytes().data();
  for (std::size_t i = 0; i < view.nbytes(); i += 5000) bytes[i] = std::byte{0xA5};
  (void)file.release();
  EXPECT_EQ(view.writable_bytes().data(), bytes);
  for (std::size_t i = 0; i < view.nbytes(); ++i)
    ASSERT_EQ(bytes[i], i % 5000 == 0 ? std::byte{0xA5} : original.bytes()[i]) << i;
  bytes[1] = std::byte{0x5A};
  EXPECT_EQ(view.bytes()[1], std::byte{0x5A});
  EXPECT_EQ(made.wrong_words(original, 2), 0U);
}

TEST_F(ReleaseOfViews, NothingOpenIsNoError) {
  const test::Scratch folder;
  EXPECT_EQ(release(folder / "absent.safetensors").files, 0U);
}

TEST_F(ReleaseOfViews, AnExceptionFromProgressStopsItAndALaterOneGoesOn) {
  const test::ManyTensors made(3, std::size_t{8} << 20);  // 64 MiB each: several chunks
  const File file = made.open();
  const Tensor first = file.at(0);
  const Tensor last = file.at(2);
  const auto stop = [](std::uint64_t, std::uint64_t) { throw std::runtime_error("enough"); };
  EXPECT_THROW((void)file.release({.threads = 1, .progress = stop}), std::runtime_error);
  EXPECT_EQ(made.wrong_words(first, 0), 0U);
  EXPECT_EQ(made.wrong_words(last, 2), 0U);
  EXPECT_EQ(code_of_error([&] { (void)file.at(1); }), Code::released);
  std::vector<std::uint64_t> seen;
  (void)file.release({.threads = 1, .progress = [&](std::uint64_t done, std::uint64_t total) {
                        EXPECT_LE(done, total);
                        seen.push_back(done);
                      }});
  EXPECT_GE(seen.size(), 2U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_FALSE(first.mapped());
  EXPECT_EQ(made.wrong_words(first, 0), 0U);
  EXPECT_EQ(made.wrong_words(last, 2), 0U);
}

}  // namespace
}  // namespace tensorhold
