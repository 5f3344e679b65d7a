#include "format/header/name_index.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace tensorhold::format::test {
namespace {

struct Names {
  std::string text;
  std::vector<std::uint32_t> starts{0};
  void add(std::string_view name) {
    text += name;
    starts.push_back(static_cast<std::uint32_t>(text.size()));
  }
  [[nodiscard]] NameTable table() const { return {text.data(), starts.data(), starts.size() - 1}; }
};

TEST(NameIndex, FindsEachNameAndNoOther) {
  for (const int count : {0, 1, 2, 3, 31, 32, 33, 63, 64, 1000, 70'000}) {
    Names names;
    for (int i = 0; i < count; ++i) names.add("layer." + std::to_string(i));
    NameIndex index;
    ASSERT_EQ(index.build(names.table()), std::nullopt);
    for (int i = 0; i < count; ++i)
      ASSERT_EQ(index.find(names.table(), "layer." + std::to_string(i)), i);
    for (int i = count; i < count + 1000; ++i)
      ASSERT_EQ(index.find(names.table(), "layer." + std::to_string(i)), std::nullopt);
  }
}

TEST(NameIndex, TellsTheLaterOfTwo) {
  for (const int second : {1, 5, 40, 99}) {
    Names names;
    for (int i = 0; i < 100; ++i) names.add(i == second ? "0" : std::to_string(i));
    NameIndex index;
    EXPECT_EQ(index.build(names.table()), second);
  }
}

TEST(NameIndex, TellsNamesApartThatDifferInOneByte) {
  for (std::size_t length = 1; length < 80; ++length) {
    Names names;
    names.add(std::string(length, 'a'));
    for (std::size_t at = 0; at < length; ++at) {
      std::string name(length, 'a');
      name[at] = 'b';
      names.add(name);
    }
    NameIndex index;
    EXPECT_EQ(index.build(names.table()), std::nullopt) << length;
  }
}

TEST(NameIndex, HashUsesEveryByteAndTheSeed) {
  const NameIndex::Seed seed{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb,
                             0xd6e8feb86659fd93};
  NameIndex::Seed other = seed;
  other[1] ^= 1;
  std::set<std::uint64_t> seen;
  for (std::size_t length = 0; length < 40; ++length) {
    std::string name(length, 'x');
    EXPECT_TRUE(seen.insert(NameIndex::hash(name, seed)).second);
    for (char& c : name) {
      c = 'y';
      EXPECT_TRUE(seen.insert(NameIndex::hash(name, seed)).second);
      c = 'x';
    }
    if (length > 16) {
      EXPECT_NE(NameIndex::hash(name, seed), NameIndex::hash(name, other));
    }
  }
}

}  // namespace
}  // namespace tensorhold::format::test
