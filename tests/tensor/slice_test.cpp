// Slices against a plain walk over all positions.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "support/one_tensor.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::OneTensor;

Code code_of(const Tensor& tensor, std::initializer_list<Index> indices) {
  try {
    (void)tensor.slice(indices);
  } catch (const Error& error) {
    EXPECT_FALSE(error.advice().empty());
    return error.code();
  }
  return Code{};
}

/// Positions of one dimension, as Python's range(*slice.indices(extent)) gives them.
std::vector<std::int64_t> positions(const Index& index, std::int64_t extent) {
  const auto clipped = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + extent : at, 0, extent);
  };
  if (index.kind() == Index::Kind::single)
    return {*index.start() < 0 ? *index.start() + extent : *index.start()};
  std::vector<std::int64_t> found;
  const std::int64_t stop = index.stop() ? clipped(*index.stop()) : extent;
  for (std::int64_t at = index.start() ? clipped(*index.start()) : 0; at < stop; at += index.step())
    found.push_back(at);
  return found;
}

/// The bytes of a slice, element by element.
std::vector<std::byte> walk(const Tensor& tensor, const std::vector<Index>& indices) {
  const std::size_t width = bits_of(tensor.dtype()) / 8;
  std::vector<std::uint64_t> offsets{0};
  for (std::size_t d = 0; d < indices.size(); ++d) {
    std::vector<std::uint64_t> next;
    const auto extent = tensor.shape()[d];
    for (const std::uint64_t offset : offsets)
      for (const std::int64_t at : positions(indices[d], static_cast<std::int64_t>(extent)))
        next.push_back(offset * extent + static_cast<std::uint64_t>(at));
    offsets = std::move(next);
  }
  const auto bytes = tensor.bytes();
  std::vector<std::byte> found;
  for (const std::uint64_t offset : offsets)
    for (std::size_t b = 0; b < width; ++b) found.push_back(bytes[offset * width + b]);
  return found;
}

std::vector<std::byte> to_vector(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

class EveryAccess : public ::testing::TestWithParam<Access> {};

TEST_P(EveryAccess, RandomSlicesAreWhatAWalkFinds) {
  std::mt19937 random(7);
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  for (int round = 0; round < 400; ++round) {
    std::vector<std::uint64_t> shape(static_cast<std::size_t>(pick(1, 4)));
    for (auto& extent : shape) extent = static_cast<std::uint64_t>(pick(1, 9));
    const Dtype dtype = std::array{Dtype::u8, Dtype::bf16, Dtype::f32, Dtype::f64}[pick(0, 3)];
    const test::OneTensor made(dtype, shape, GetParam());
    std::vector<Index> indices;
    for (const std::uint64_t extent : shape) {
      const auto size = static_cast<std::int64_t>(extent);
      if (pick(0, 3) == 0)
        indices.emplace_back(pick(-size, size - 1));
      else
        indices.emplace_back(pick(-size - 2, size + 2), pick(-size - 2, size + 2), pick(1, 3));
    }
    const Tensor fresh = made.file["w"];  // not read yet where access is owned
    const Slice slice = fresh.slice(indices);
    const Tensor copy = slice.copy();
    const std::vector<std::byte> expected = walk(fresh, indices);
    ASSERT_EQ(slice.nbytes(), expected.size());
    ASSERT_EQ(to_vector(copy.bytes()), expected) << "round " << round;
    if (slice.contiguous()) {
      EXPECT_EQ(to_vector(slice.bytes()), expected);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Slice, EveryAccess, ::testing::Values(Access::mapped, Access::owned),
                         test::name_of);

TEST(Slice, ColumnsOfALargeTensorAreGatheredInPieces) {
  const test::OneTensor made(Dtype::f32, {3000, 700}, Access::mapped);
  const std::vector<Index> indices{all, {3, none, 5}};
  const Tensor tensor = made.file["w"];
  const Tensor copy = tensor.slice(indices).copy();
  EXPECT_EQ(to_vector(copy.bytes()), walk(tensor, indices));
}

TEST(Slice, RowsThatLieFarApartAreReadOneByOne) {
  const test::OneTensor made(Dtype::u8, {40, 50000}, Access::owned);
  const std::vector<Index> indices{{1, none, 3}, {10, 20}};
  const Tensor tensor = made.file["w"];
  const Tensor copy = tensor.slice(indices).copy();
  EXPECT_EQ(to_vector(copy.bytes()), walk(tensor, indices));
}

TEST(Slice, RowsOfAMappedTensorAreAView) {
  const test::OneTensor made(Dtype::f32, {4, 3}, Access::mapped);
  const Tensor tensor = made.file["w"];
  const Slice rows = tensor.slice({{1, 3}, all});
  EXPECT_TRUE(rows.contiguous());
  EXPECT_EQ(rows.bytes().data(), tensor.bytes().data() + 12);
  EXPECT_EQ(rows.as<float>().size(), 6U);
}

TEST(Slice, ShapeDropsSingleIndices) {
  const test::OneTensor made(Dtype::u8, {2, 3, 4}, Access::mapped);
  const Slice slice = made.file["w"].slice({-1, ellipsis, {0, none, 2}});
  EXPECT_EQ(std::vector(slice.shape().begin(), slice.shape().end()),
            (std::vector<std::uint64_t>{3, 2}));
}

TEST(Slice, EmptyPartsAndEmptyTensors) {
  const test::OneTensor made(Dtype::f32, {0, std::uint64_t{1} << 62}, Access::mapped);
  const Tensor tensor = made.file["w"];
  EXPECT_EQ(tensor.slice({all, {5, 9}}).copy().nbytes(), 0U);
  EXPECT_EQ(code_of(tensor, {0}), Code::invalid_slice);
  const test::OneTensor other(Dtype::f32, {4}, Access::mapped);
  const Slice empty = other.file["w"].slice({{3, 1}});
  EXPECT_EQ(empty.size(), 0U);
  EXPECT_TRUE(empty.bytes().empty());
}

TEST(Slice, ScalarsHaveOnlyTheWhole) {
  const test::OneTensor made(Dtype::f64, {}, Access::mapped);
  const Tensor tensor = made.file["w"];
  EXPECT_EQ(tensor.slice({ellipsis}).nbytes(), 8U);
  EXPECT_EQ(code_of(tensor, {0}), Code::invalid_slice);
}

TEST(Slice, WhatTheShapeDoesNotHaveIsRefused) {
  const test::OneTensor made(Dtype::f32, {4, 3}, Access::mapped);
  const Tensor tensor = made.file["w"];
  EXPECT_EQ(code_of(tensor, {4}), Code::invalid_slice);
  EXPECT_EQ(code_of(tensor, {-5}), Code::invalid_slice);
  EXPECT_EQ(code_of(tensor, {0, 0, 0}), Code::invalid_slice);
  EXPECT_EQ(code_of(tensor, {ellipsis, ellipsis}), Code::invalid_slice);
  EXPECT_EQ(code_of(tensor, {{0, 4, 0}}), Code::invalid_slice);
  EXPECT_EQ(code_of(tensor, {{3, 0, -1}}), Code::invalid_slice);
  EXPECT_EQ(code_of(tensor, {std::numeric_limits<std::int64_t>::min()}), Code::invalid_slice);
}

TEST(Slice, HugeStepsAndPositionsAreClipped) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  const test::OneTensor made(Dtype::f32, {4, 3}, Access::mapped);
  const Tensor tensor = made.file["w"];
  EXPECT_EQ(tensor.slice({{least, most, most}}).size(), 3U);
  EXPECT_EQ(tensor.slice({{most, most}}).size(), 0U);
}

TEST(Slice, SubByteElementsKeepToWholeBytes) {
  const test::OneTensor made(Dtype::f4, {4, 6}, Access::mapped);
  const Tensor tensor = made.file["w"];
  EXPECT_EQ(tensor.slice({{1, 3}}).nbytes(), 6U);
  EXPECT_EQ(tensor.slice({all, {2, 4}}).copy().nbytes(), 4U);
  EXPECT_EQ(code_of(tensor, {all, {1, 3}}), Code::invalid_slice);
  EXPECT_EQ(code_of(tensor, {all, {0, 3}}), Code::invalid_slice);
  EXPECT_EQ(code_of(tensor, {all, {0, none, 2}}), Code::invalid_slice);
}

TEST(Slice, ViewOfScatteredPartIsRefusedWithTheWayOut) {
  const test::OneTensor made(Dtype::f32, {4, 3}, Access::mapped);
  const Slice column = made.file["w"].slice({all, 0});
  try {
    (void)column.bytes();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::not_contiguous);
    EXPECT_NE(error.advice().find("copy()"), std::string::npos);
    EXPECT_EQ(error.path(), made.path);
  }
}

}  // namespace
}  // namespace tensorhold
