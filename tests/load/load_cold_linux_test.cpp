// Loads of files that the system does not have in its cache: past the cache, right in every byte.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "os/disk/direct_read.hpp"
#include "os/file/file.hpp"
#include "support/scratch.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::Tensors;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

/// No tensor begins or ends where a disk's block does.
Tensors odd_tensors() {
  Tensors tensors;
  tensors.add("first", Dtype::u8, {11 * mebibyte + 3}, 1);
  tensors.add("second", Dtype::u8, {9 * mebibyte + 4095}, 2);
  for (int i = 0; i < 300; ++i)
    tensors.add("small" + std::to_string(i), Dtype::u8, {static_cast<std::uint64_t>(i * 37 % 9001)},
                static_cast<std::uint8_t>(i));
  tensors.add("matrix", Dtype::u8, {1000, 3001}, 3);
  return tensors;
}

class ColdLoad : public ::testing::Test {
 protected:
  void SetUp() override { make(odd_tensors(), {}); }

  void make(Tensors all, const SaveOptions& options) {
    tensors = std::move(all);
    save(path, tensors.list(), std::nullopt, options);
    forget();
    reads = os::DirectReads::open(os::File::open_read(path));
    if (!reads) GTEST_SKIP() << "the filesystem has no reads past the cache";
    size = std::filesystem::file_size(path);
    if (reads->is_cached(size / 2)) GTEST_SKIP() << "the system keeps the file in its cache";
  }

  /// Makes the system drop what it has of the file.
  void forget() const {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    (void)::fdatasync(file);
    (void)::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    (void)::close(file);
  }
  bool same(const Tensor& tensor) const {
    const auto& saved = *std::ranges::find(tensors.list(), tensor.name(), &SaveTensor::name);
    return test::same_bytes(tensor.bytes(), saved.bytes);
  }
  Plan whole() const {
    Plan plan(open(path, {.access = Access::owned}));
    plan.add_all();
    return plan;
  }

  test::Scratch folder;
  const std::string path = folder / "cold.safetensors";
  Tensors tensors;
  std::unique_ptr<const os::DirectReads> reads;
  std::uint64_t size = 0;
};

TEST_F(ColdLoad, OfAllTensorsLeavesTheCacheAlone) {
  for (const unsigned threads : {0U, 1U, 3U}) {
    const std::vector<Tensor> loaded = whole().load({.threads = threads});
    ASSERT_EQ(loaded.size(), tensors.list().size());
    for (const Tensor& tensor : loaded) EXPECT_TRUE(same(tensor)) << tensor.name();
    EXPECT_FALSE(reads->is_cached(size / 2));
  }
}

// A disk then reads into the memory itself.
TEST_F(ColdLoad, OfAlignedTensorsPutsThemIntoPagesAsTheFileHasThem) {
  Tensors aligned;
  aligned.add("longer than a read", Dtype::u8, {19 * mebibyte + 3 * 64}, 1);
  aligned.add("one huge page", Dtype::u8, {2 * mebibyte}, 2);
  aligned.add("small", Dtype::u8, {64 * 7}, 3);
  aligned.add("to the end of the file", Dtype::u8, {9 * mebibyte + 1}, 4);
  make(std::move(aligned), {.align = 64});
  const Plan plan = whole();
  const File file = open(path);
  for (const unsigned threads : {0U, 1U}) {
    for (const Tensor& tensor : plan.load({.threads = threads})) {
      EXPECT_TRUE(same(tensor)) << tensor.name();
      const auto address = reinterpret_cast<std::uintptr_t>(tensor.bytes().data());
      EXPECT_EQ(address % 64, 0U) << tensor.name();
      const std::size_t index = file.find(tensor.name()).value();
      const std::uint64_t in_page =
          tensor.nbytes() < 2 * mebibyte ? address : file.info(index).offset;
      EXPECT_EQ(address % 4096, in_page % 4096) << tensor.name();
    }
    EXPECT_FALSE(reads->is_cached(size / 2));
  }
  TensorStream stream = plan.stream({.memory_budget = 5000 * 4});
  std::size_t count = 0;
  for (auto item = stream.next(); item; item = stream.next(), ++count)
    EXPECT_TRUE(same(item->tensor)) << item->tensor.name();
  EXPECT_EQ(count, plan.size());
}

TEST_F(ColdLoad, OfAFileOfWhichTheCacheHasHalf) {
  {
    const os::File file = os::File::open_read(path);
    std::vector<std::byte> half(static_cast<std::size_t>(size / 2));
    file.read_at(0, half);
  }
  EXPECT_TRUE(reads->is_cached(size / 4));
  for (const Tensor& tensor : whole().load()) EXPECT_TRUE(same(tensor)) << tensor.name();
}

TEST_F(ColdLoad, IntoTheCallersMemory) {
  const Plan plan = whole();
  std::vector<std::vector<std::byte>> memory;
  for (std::size_t i = 0; i < plan.size(); ++i)
    memory.emplace_back(static_cast<std::size_t>(plan.nbytes(i)));
  const std::vector<std::span<std::byte>> into(memory.begin(), memory.end());
  plan.load_into(into);
  const File file = open(path);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const Tensor mapped = file.at(i);
    EXPECT_TRUE(test::same_bytes(memory[i], mapped.bytes())) << mapped.name();
  }
}

TEST_F(ColdLoad, AsAStream) {
  TensorStream stream = whole().stream({.memory_budget = 12 * mebibyte});
  std::size_t count = 0;
  while (const auto item = stream.next()) {
    EXPECT_TRUE(same(item->tensor)) << item->tensor.name();
    ++count;
  }
  EXPECT_EQ(count, tensors.list().size());
}

TEST_F(ColdLoad, SeesWhatWasJustWrittenAndIsNotOnTheDiskYet) {
  const File file = open(path, {.access = Access::owned});
  const std::size_t index = file.find("second").value();
  const std::uint64_t at = file.info(index).offset + 5 * mebibyte;
  const int other = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_EQ(::pwrite(other, "new", 3, static_cast<off_t>(at)), 3);
  Plan plan(file);
  plan.add_all();
  const std::vector<Tensor> loaded = plan.load();
  (void)::close(other);
  EXPECT_EQ(loaded[index].bytes()[5 * mebibyte], std::byte{'n'});
  EXPECT_EQ(loaded[index].bytes()[5 * mebibyte + 2], std::byte{'w'});
}

TEST_F(ColdLoad, OfAFileThatBecameShorterSaysWhere) {
  const Plan plan = whole();
  const std::uint64_t left = 6 * mebibyte + 77;
  std::filesystem::resize_file(path, left);
  forget();
  const auto result = plan.try_load();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Code::unexpected_end) << result.error().what();
  EXPECT_FALSE(result.error().tensor().empty());
  EXPECT_GE(result.error().offset().value_or(0), left);
}

TEST_F(ColdLoad, OfTheDisksLastBytesIsShort) {
  const std::uint64_t begin = size / os::DirectReads::alignment * os::DirectReads::alignment;
  alignas(os::DirectReads::alignment) static std::byte page[os::DirectReads::alignment];
  EXPECT_EQ(reads->read(begin, page), size - begin);
  // What the system refuses is no error here: the ordinary read says what is wrong.
  EXPECT_EQ(reads->read(begin + 1, std::span(page).first(7)), std::nullopt);
}

}  // namespace
}  // namespace tensorhold
