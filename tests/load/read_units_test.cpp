// Which reads a plan becomes.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "format/parse/parse.hpp"
#include "load/loading.hpp"
#include "load/read_units.hpp"

namespace tensorhold::io {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

/// Tensors one after the other, from `data` of the file on; 0: right behind the header.
std::shared_ptr<const tensor::FileCatalog> catalog_of(const std::vector<std::uint64_t>& sizes,
                                                      std::uint64_t data = 0) {
  std::string text = "{";
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    text += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) + R"(":{"dtype":"U8","shape":[)" +
            std::to_string(sizes[i]) + R"(],"data_offsets":[)" + std::to_string(at) + "," +
            std::to_string(at + sizes[i]) + "]}";
    at += sizes[i];
  }
  text += "}";
  if (data != 0) text.resize(data - 8, ' ');
  data = text.size() + 8;
  return std::make_shared<const tensor::FileCatalog>(
      format::parse(text, data + at, {.lenient = false, .header_limit = 100'000'000, .path = {}}),
      data);
}

std::uint64_t bytes_in(const Units& units) {
  std::uint64_t bytes = 0;
  for (const Unit& unit : units.list) bytes += unit.nbytes;
  return bytes;
}

TEST(ReadUnits, SmallNeighboursAreOneRead) {
  tensor::PartCatalog wanted(catalog_of({100, 0, 200, 300}));
  for (std::uint32_t i = 0; i < 4; ++i) wanted.add(i);
  const Units units = make_units(wanted, 8 * mebibyte);
  ASSERT_EQ(units.list.size(), 1U);
  EXPECT_EQ(units.list[0].count, 3U);
  EXPECT_EQ(units.list[0].nbytes, 600U);
  EXPECT_EQ(units.nbytes, 600U);
  EXPECT_EQ(units.pieces, (std::vector<std::uint32_t>{1, 0, 1, 1}));
}

TEST(ReadUnits, ALongTensorIsCutWhereNoTwoThreadsFillOneHugePage) {
  tensor::PartCatalog wanted(catalog_of({10, 20 * mebibyte + 1, 10}));
  for (std::uint32_t i = 0; i < 3; ++i) wanted.add(i);
  const Units units = make_units(wanted, 8 * mebibyte);
  ASSERT_EQ(units.list.size(), 5U);
  for (const Unit& unit : units.list) EXPECT_EQ(unit.from % (2 * mebibyte), 0U);
  EXPECT_TRUE(units.list[1].begins);
  EXPECT_FALSE(units.list[2].begins);
  EXPECT_EQ(units.pieces[1], 3U);
  EXPECT_EQ(bytes_in(units), units.nbytes);
  EXPECT_EQ(units.ranges, 1U);
}

// Files place data anywhere: only what keeps its alignment lies in memory as in the file.
TEST(ReadUnits, ALongTensorIsPlacedAsInTheFileWhereThatAlignsIt) {
  EXPECT_EQ(place_in_page(3 * 4096 + 3840, 2 * mebibyte), 3840U);
  EXPECT_EQ(place_in_page(3 * 4096, 2 * mebibyte), 0U);
  EXPECT_EQ(place_in_page(3 * 4096 + 3848, 2 * mebibyte), 0U);
  EXPECT_EQ(place_in_page(3 * 4096 + 3840, 2 * mebibyte - 1), 0U);
  const auto catalog = catalog_of({64, 20 * mebibyte + 64}, 3840);
  ASSERT_EQ(catalog->offset(1) % 4096, 3904U);
  tensor::PartCatalog wanted(catalog);
  wanted.add(1);
  const Units units = make_units(wanted, 8 * mebibyte);
  ASSERT_EQ(units.list.size(), 3U);
  for (const std::size_t i : {1U, 2U})
    EXPECT_EQ((catalog->offset(1) + units.list[i].from) % 4096, 0U);
  EXPECT_EQ(units.list[0].to, 8 * mebibyte - 3904);
  EXPECT_EQ(units.list[2].to, 20 * mebibyte + 64);
  EXPECT_EQ(bytes_in(units), units.nbytes);
}

TEST(ReadUnits, WhatIsAddedTwiceOrBackwardsIsReadInFileOrder) {
  tensor::PartCatalog wanted(catalog_of({100, 100, 100}));
  for (const std::uint32_t i : {2U, 0U, 2U, 1U}) wanted.add(i);
  const Units units = make_units(wanted, 8 * mebibyte);
  EXPECT_EQ(units.order, (std::vector<std::uint32_t>{1, 3, 0, 2}));
  ASSERT_EQ(units.list.size(), 2U);
  EXPECT_EQ(units.list[0].count, 3U);
}

TEST(ReadUnits, OnlySmallGapsAreReadOver) {
  std::vector<std::uint64_t> sizes(400, 4000);
  const auto catalog = catalog_of(sizes);
  tensor::PartCatalog fifth(catalog);
  for (std::uint32_t i = 0; i < 400; i += 5) fifth.add(i);
  const Units units = make_units(fifth, 8 * mebibyte);
  EXPECT_EQ(units.list.size(), 80U);
  EXPECT_EQ(units.ranges, 80U);
  EXPECT_TRUE(units.scattered());
  tensor::PartCatalog most(catalog);
  for (std::uint32_t i = 0; i < 400; ++i)
    if (i % 100 != 50) most.add(i);
  EXPECT_EQ(make_units(most, 8 * mebibyte).list.size(), 1U);
  EXPECT_FALSE(make_units(most, 8 * mebibyte).scattered());
}

TEST(ReadUnits, OfRowsKeepTurnsTogether) {
  const auto catalog = catalog_of({mebibyte});
  tensor::PartCatalog wanted(catalog);
  const std::vector<std::uint64_t> shape{1024, 1024};
  const std::vector<Index> indices{all, {0, none, 2}};
  wanted.add(0, tensor::select({.dtype = Dtype::u8, .shape = shape}, indices));
  const Units units = make_units(wanted, 100 * 512 + 1);
  EXPECT_EQ(units.list.size(), 11U);
  EXPECT_EQ(bytes_in(units), mebibyte / 2);
  EXPECT_EQ(units.list.back().from, 1000U);
  EXPECT_EQ(units.list.back().to, 1024U);
}

struct Row {
  const char* name;
  ReadFacts facts;
  ReadChoice expected;
};

TEST(ReadChoice, IsMadeFromFacts) {
  const std::uint64_t gibibyte = 1024 * mebibyte;
  const std::vector<Row> rows{
      {"as asked", {.wanted_threads = 7, .distant = true, .nbytes = gibibyte}, {7, 8 * mebibyte}},
      {"local, few processors", {.processors = 2, .nbytes = gibibyte}, {4, 8 * mebibyte}},
      {"local, many processors", {.processors = 128, .nbytes = gibibyte}, {16, 8 * mebibyte}},
      {"distant", {.processors = 2, .distant = true, .nbytes = gibibyte}, {32, 8 * mebibyte}},
      {"distant, small", {.distant = true, .nbytes = 64 * mebibyte}, {32, mebibyte}},
      {"from a disk itself",
       {.processors = 2, .past_cache = true, .nbytes = gibibyte},
       {12, 8 * mebibyte}},
      {"from another process itself",
       {.processors = 2, .distant = true, .past_cache = true, .nbytes = gibibyte},
       {12, 8 * mebibyte}},
      {"memory", {.processors = 2, .in_memory = true, .nbytes = gibibyte}, {2, 8 * mebibyte}},
      {"small", {.processors = 4, .nbytes = 64 * mebibyte}, {4, 4 * mebibyte}},
      {"a stream",
       {.processors = 4, .nbytes = gibibyte, .most_ahead = 4 * mebibyte},
       {4, mebibyte}},
      {"a stream that may hardly run ahead",
       {.processors = 4, .nbytes = gibibyte, .most_ahead = 1},
       {4, 4096}},
  };
  for (const Row& row : rows) {
    const ReadChoice choice = choose_reading(row.facts);
    EXPECT_EQ(choice.threads, row.expected.threads) << row.name;
    EXPECT_EQ(choice.unit_bytes, row.expected.unit_bytes) << row.name;
  }
}

}  // namespace
}  // namespace tensorhold::io
