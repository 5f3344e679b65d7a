// Plan: all of a file, some of it, parts of it, into memory and as a stream.
#include "tensorhold/load.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/many_tensors.hpp"
#include "support/scratch.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::Tensors;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

/// Small, odd and large tensors, with one that takes several reads.
Tensors mixed_tensors() {
  Tensors tensors = test::some_tensors(3, 5 * mebibyte + 4097);
  tensors.add("matrix", Dtype::u16, {300, 700}, 9);
  tensors.add("huge", Dtype::u8, {19 * mebibyte + 13}, 5);
  for (int i = 0; i < 700; ++i)
    tensors.add("small" + std::to_string(i), Dtype::u8, {static_cast<std::uint64_t>(i * 7 % 901)},
                static_cast<std::uint8_t>(i));
  return tensors;
}

class Loading : public ::testing::TestWithParam<Access> {
 protected:
  void SetUp() override {
    save(path, tensors.list(), std::nullopt, {.durable = false});
    file = open(path, {.access = GetParam()});
  }
  const SaveTensor& saved(std::string_view name) const {
    return *std::ranges::find(tensors.list(), name, &SaveTensor::name);
  }
  bool same(const Tensor& tensor) const {
    const SaveTensor& expected = saved(tensor.name());
    return tensor.dtype() == expected.dtype && std::ranges::equal(tensor.shape(), expected.shape) &&
           test::same_bytes(tensor.bytes(), expected.bytes);
  }

  test::Scratch folder;
  const std::string path = folder / "mixed.safetensors";
  const Tensors tensors = mixed_tensors();
  File file;
};

TEST_P(Loading, AllOfAFile) {
  Plan plan(file);
  plan.add_all();
  EXPECT_EQ(plan.size(), file.size());
  for (const unsigned threads : {0U, 1U, 3U}) {
    const std::vector<Tensor> loaded = plan.load({.threads = threads});
    ASSERT_EQ(loaded.size(), file.size());
    for (std::size_t i = 0; i < loaded.size(); ++i) {
      EXPECT_EQ(loaded[i].name(), file.info(i).name);
      EXPECT_TRUE(same(loaded[i])) << loaded[i].name();
      EXPECT_FALSE(loaded[i].mapped());
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(loaded[i].bytes().data()) % 64, 0U);
    }
  }
}

TEST_P(Loading, TensorsAreWritableAndTheirOwnAndOutliveTheFile) {
  Plan plan(file);
  plan.add("weight");
  plan.add("weight");
  const std::vector<Tensor> loaded = plan.load();
  file.close();
  file = File();
  std::ranges::fill(loaded[0].writable_bytes(), std::byte{7});
  EXPECT_EQ(loaded[0].bytes()[0], std::byte{7});
  EXPECT_TRUE(same(loaded[1]));
  EXPECT_TRUE(same(open(path)["weight"]));
}

TEST_P(Loading, NamesInAnyOrder) {
  Plan plan(file);
  const std::vector<std::string> names{"small600", "scalar", "huge", "empty", "small3", "scalar"};
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(plan.add(names[i]), i);
  const std::vector<Tensor> loaded = plan.load();
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(loaded[i].name(), names[i]);
    EXPECT_TRUE(same(loaded[i])) << names[i];
  }
}

TEST_P(Loading, Parts) {
  const std::vector<std::vector<Index>> parts{
      {{10, 20}}, {all, {5, 9}}, {{0, none, 3}, -1}, {7},
      {all, 3},   {{200, 100}},  {ellipsis, 699},    {{0, 300, 299}, {0, none, 699}}};
  Plan plan(file);
  for (const auto& part : parts) plan.add("matrix", part);
  plan.add("huge", {{8 * static_cast<std::int64_t>(mebibyte) - 3, none}});
  plan.add("huge", {{1, none, 5}});
  const std::vector<Tensor> loaded = plan.load();
  const auto expect_part = [&](std::size_t at, const char* name, std::span<const Index> part) {
    const Tensor expected = file[name].slice(part).copy();
    EXPECT_TRUE(std::ranges::equal(loaded[at].shape(), expected.shape())) << at;
    EXPECT_TRUE(std::ranges::equal(plan.shape(at), expected.shape())) << at;
    EXPECT_EQ(plan.nbytes(at), expected.nbytes());
    EXPECT_TRUE(test::same_bytes(loaded[at].bytes(), expected.bytes())) << at;
  };
  for (std::size_t i = 0; i < parts.size(); ++i) expect_part(i, "matrix", parts[i]);
  expect_part(parts.size(), "huge",
              std::vector<Index>{{8 * static_cast<std::int64_t>(mebibyte) - 3, none}});
  expect_part(parts.size() + 1, "huge", std::vector<Index>{{1, none, 5}});
}

TEST_P(Loading, IntoTheCallersMemory) {
  Plan plan(file);
  plan.add("large");
  plan.add("matrix", {{0, none, 2}});
  std::vector<std::byte> large(plan.nbytes(0) + 1);
  std::vector<std::byte> rows(plan.nbytes(1));
  const std::vector<std::span<std::byte>> to{std::span(large).subspan(1), rows};
  plan.load_into(to);
  EXPECT_TRUE(test::same_bytes(to[0], saved("large").bytes));
  const Tensor expected = file["matrix"].slice({{0, none, 2}}).copy();
  EXPECT_TRUE(test::same_bytes(rows, expected.bytes()));

  const std::vector<std::span<std::byte>> wrong{large, rows};
  const Result<void> refused = plan.try_load_into(wrong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::size_differs);
  EXPECT_EQ(refused.error().tensor(), "large");
  EXPECT_EQ(plan.try_load_into(std::span(wrong).first(1)).error().code(), Code::invalid_argument);
}

TEST_P(Loading, AStreamGivesEveryTensorOnce) {
  Plan plan(file);
  plan.add_all();
  plan.add("matrix", {{0, none, 2}});
  for (const std::uint64_t budget : {std::uint64_t{0}, std::uint64_t{1}, mebibyte}) {
    std::set<std::size_t> seen;
    TensorStream stream = plan.stream({.memory_budget = budget});
    while (auto next = stream.next()) {
      EXPECT_TRUE(seen.insert(next->index).second);
      const bool whole = next->index < file.size();
      EXPECT_TRUE(!whole || same(next->tensor)) << next->tensor.name();
    }
    EXPECT_EQ(seen.size(), plan.size());
    EXPECT_FALSE(stream.next().has_value());
  }
}

TEST_P(Loading, AStreamThatIsLeftEnds) {
  Plan plan(file);
  plan.add_all();
  const Tensor kept = plan.stream({.memory_budget = 1}).next()->tensor;
  EXPECT_TRUE(same(kept));
}

TEST_P(Loading, ProgressEndsWithEverything) {
  Plan plan(file);
  plan.add_all();
  std::uint64_t last = 0;
  std::uint64_t in_all = 0;
  const Progress progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GE(done, last);
    last = done;
    in_all = total;
  };
  (void)plan.load({.progress = progress});
  EXPECT_EQ(last, plan.nbytes());
  EXPECT_EQ(in_all, plan.nbytes());
}

TEST_P(Loading, AStopTokenEndsItWithTheErrorCancelled) {
  Plan plan(file);
  plan.add_all();
  const StopSource source;
  const Progress stop_soon = [&](std::uint64_t, std::uint64_t) { source.request_stop(); };
  const Result<std::vector<Tensor>> loaded =
      plan.try_load({.threads = 1, .progress = stop_soon, .stop = source.token()});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code(), Code::cancelled);
  TensorStream stream = plan.stream({.stop = source.token()});
  EXPECT_EQ(stream.try_next().error().code(), Code::cancelled);
  EXPECT_EQ(plan.load().size(), plan.size());
}

TEST_P(Loading, AnExceptionFromProgressReachesTheCaller) {
  Plan plan(file);
  plan.add_all();
  const Progress fails = [](std::uint64_t, std::uint64_t) { throw std::runtime_error("enough"); };
  EXPECT_THROW((void)plan.load({.progress = fails}), std::runtime_error);
  const Progress odd = [](std::uint64_t, std::uint64_t) {
    throw 5;
  };  // NOLINT: what callers may do
  EXPECT_THROW((void)plan.load({.progress = odd}), int);
  const auto result = plan.try_load({.progress = odd});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::unsupported);
}

TEST_P(Loading, MoreThanTheBudgetIsRefused) {
  Plan plan(file);
  plan.add("large");
  const Result<std::vector<Tensor>> loaded = plan.try_load({.memory_budget = mebibyte});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code(), Code::memory_limit);
  EXPECT_EQ(loaded.error().path(), path);
  EXPECT_EQ(plan.load({.memory_budget = plan.nbytes()}).size(), 1U);
}

TEST_P(Loading, WrongNamesAndPartsAreRefusedWhenTheyAreAdded) {
  Plan plan(file);
  try {
    plan.add("weigth");
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::tensor_not_found);
    EXPECT_NE(error.advice().find("weight"), std::string::npos);
  }
  try {
    plan.add("matrix", {300});
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::invalid_slice);
    EXPECT_EQ(error.tensor(), "matrix");
    EXPECT_EQ(error.path(), path);
  }
  EXPECT_EQ(plan.size(), 0U);
  EXPECT_TRUE(plan.load().empty());
}

TEST_P(Loading, APlanIsAValue) {
  Plan plan(file);
  plan.add("scalar");
  Plan copy = plan;
  copy.add("weight");
  EXPECT_EQ(plan.size(), 1U);
  EXPECT_EQ(copy.load().size(), 2U);
  plan = copy;
  EXPECT_EQ(plan.nbytes(), 8U + 140U);
}

TEST_P(Loading, AfterACloseOrAReleaseItIsAnError) {
  Plan plan(file);
  plan.add("weight");
  file.close();
  EXPECT_EQ(plan.try_load().error().code(), Code::closed);
  const File second = open(path, {.access = GetParam()});
  Plan other(second);
  other.add("weight");
  if (!try_release(path)) GTEST_SKIP() << "skip: no release here";
  EXPECT_EQ(other.try_load().error().code(), Code::released);
}

TEST_P(Loading, OfAWholeFileAheadOfTime) {
  EXPECT_EQ(file.prefetch(std::vector<std::string_view>{"weight", "huge", "weight"}),
            saved("huge").bytes.size() + 140);
  file.load();
  file.load();
  for (std::size_t i = 0; i < file.size(); ++i) EXPECT_TRUE(same(file.at(i)));
  for (std::size_t i = 0; i < file.size(); ++i) EXPECT_TRUE(same(file.at(i)));
}

TEST_P(Loading, PrefetchStopsBeforeTheBudgetIsSpent) {
  const std::vector<std::string_view> names{"large", "huge", "weight"};
  const std::uint64_t large = saved("large").bytes.size();
  EXPECT_EQ(file.prefetch(names, {.memory_budget = large + mebibyte}), large);
  EXPECT_EQ(file.try_prefetch(std::vector<std::string_view>{"none"}).error().code(),
            Code::tensor_not_found);
}

INSTANTIATE_TEST_SUITE_P(Access, Loading, ::testing::Values(Access::mapped, Access::owned),
                         [](const auto& access) {
                           return access.param == Access::mapped ? "Mapped" : "Owned";
                         });

TEST(LoadingOwned, AFileThatWasLoadedNeedsItsFileNoMore) {
  const test::ManyTensors many(100, 2000);
  const File file = many.open(Access::owned);
  file.load();
  const Tensor tensor = file["t00000042"];
  test::write_file(many.path(), "gone");
  EXPECT_EQ(many.wrong_words(tensor, 42), 0U);
  EXPECT_EQ(many.wrong_words(file["t00000099"], 99), 0U);
}

TEST(LoadingFromMemory, All) {
  const Tensors tensors = mixed_tensors();
  const std::vector<std::byte> bytes = save_bytes(tensors.list());
  const File file = open_bytes(bytes);
  Plan plan(file);
  plan.add_all();
  plan.add("matrix", {{0, none, 2}, 5});
  const std::vector<Tensor> loaded = plan.load();
  for (std::size_t i = 0; i < file.size(); ++i) {
    const Tensor expected = file.at(i);
    EXPECT_TRUE(test::same_bytes(loaded[i].bytes(), expected.bytes()));
  }
  const Tensor expected = file["matrix"].slice({{0, none, 2}, 5}).copy();
  EXPECT_TRUE(test::same_bytes(loaded.back().bytes(), expected.bytes()));
  file.load();
  EXPECT_EQ(file.prefetch(std::vector<std::string_view>{"weight"}), 0U);
}

TEST(LoadingFromMemory, OfAFileWithoutTensors) {
  const File file = open_bytes(save_bytes({}));
  Plan plan(file);
  plan.add_all();
  EXPECT_TRUE(plan.load().empty());
  EXPECT_FALSE(plan.stream().next().has_value());
}

TEST(LoadingALot, ThirtyThousandSmallTensors) {
  const test::ManyTensors many(30'000, 40);
  const File file = many.open();
  Plan plan(file);
  plan.add_all();
  std::vector<Tensor> loaded = plan.load();
  ASSERT_EQ(loaded.size(), 30'000U);
  std::size_t wrong = 0;
  // Dropped one by one, in an order that leaves holes everywhere.
  for (const std::size_t step : {1U, 0U})
    for (std::size_t i = step; i < loaded.size(); i += 2) {
      wrong += many.wrong_words(loaded[i], i);
      loaded[i] = Tensor();
    }
  EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace tensorhold
