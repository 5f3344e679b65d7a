// Saves that are large enough for several threads and for writes past the page cache.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::Scratch;
using test::Tensors;

// Large and small ones in turn, so that chunks begin and end anywhere.
Tensors large_tensors() {
  Tensors tensors;
  for (unsigned i = 0; i < 6; ++i) {
    tensors.add("large" + std::to_string(i), Dtype::u8, {9'000'001 + i},
                static_cast<std::uint8_t>(i));
    tensors.add("f" + std::to_string(i), Dtype::f32, {i * 1000, 3}, static_cast<std::uint8_t>(i));
  }
  for (unsigned i = 0; i < 3000; ++i)
    tensors.add("s" + std::to_string(i), Dtype::i16, {i % 9}, static_cast<std::uint8_t>(i));
  return tensors;
}

constexpr std::array thread_counts{0U, 1U, 2U, 7U, 1000U};

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(SaveLarge, HasTheSameBytesHoweverItIsWritten) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "minutes, most of them of comparing; the other tests here have the threads";
#endif
  const Scratch scratch;
  const Tensors tensors = large_tensors();
  for (const std::uint64_t align : {8U, 4096U}) {
    const std::string wanted =
        text_of(save_bytes(tensors.list(), std::nullopt, SaveOptions{.align = align}));
    for (const bool durable : {true, false})
      for (const unsigned threads : thread_counts) {
        save(scratch / "f", tensors.list(), std::nullopt,
             {.align = align, .durable = durable, .threads = threads});
        EXPECT_TRUE(test::read_file(scratch / "f") == wanted) << durable << threads << align;
      }
  }
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
}

TEST(SaveLarge, FromAMappedFileOverItself) {
  const Scratch scratch;
  const Tensors tensors = large_tensors();
  save(scratch / "f", tensors.list(), std::nullopt, {.align = 4096});
  const File file = open(scratch / "f", {.access = Access::mapped});
  std::vector<Tensor> held;
  std::vector<SaveTensor> again;
  for (std::size_t i = 0; i < file.size(); ++i) again.emplace_back(held.emplace_back(file.at(i)));
  save(scratch / "f", again, std::nullopt, {.align = 4096});
  EXPECT_TRUE(test::read_file(scratch / "f") ==
              text_of(save_bytes(tensors.list(), std::nullopt, {.align = 4096})));
}

TEST(SaveLarge, ProgressRisesToTheEndOnTheCallersThread) {
  const Scratch scratch;
  const Tensors tensors = large_tensors();
  const auto caller = std::this_thread::get_id();
  std::vector<std::uint64_t> seen;
  std::uint64_t all = 0;
  save(scratch / "f", tensors.list(), std::nullopt,
       {.progress = [&](std::uint64_t done, std::uint64_t total) {
         EXPECT_EQ(std::this_thread::get_id(), caller);
         seen.push_back(done);
         all = total;
       }});
  ASSERT_FALSE(seen.empty());
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(seen.back(), all);
  EXPECT_EQ(all, std::filesystem::file_size(scratch / "f"));
}

TEST(SaveLarge, CancelledHalfWayTheOldFileStandsAndNothingElse) {
  const Scratch scratch;
  test::write_file(scratch / "f", "old");
  const Tensors tensors = large_tensors();
  for (const bool durable : {true, false}) {
    const StopSource stop;
    const Result<void> result =
        try_save(scratch / "f", tensors.list(), std::nullopt,
                 {.durable = durable,
                  .progress = [&](std::uint64_t, std::uint64_t) { stop.request_stop(); },
                  .stop = stop.token()});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::cancelled);
    EXPECT_EQ(test::read_file(scratch / "f"), "old");
    EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
  }
}

TEST(SaveLarge, AnExceptionFromProgressReachesTheCaller) {
  const Scratch scratch;
  test::write_file(scratch / "f", "old");
  const Tensors tensors = large_tensors();
  const auto save_it = [&] {
    save(scratch / "f", tensors.list(), std::nullopt,
         {.progress = [](std::uint64_t, std::uint64_t) { throw std::length_error("enough"); }});
  };
  EXPECT_THROW(save_it(), std::length_error);
  EXPECT_EQ(test::read_file(scratch / "f"), "old");
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
}

}  // namespace
}  // namespace tensorhold
