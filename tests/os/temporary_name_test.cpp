#include "os/leftovers/temporary_name.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tensorhold::os {
namespace {

TEST(TemporaryName, SaysWhatItWasMadeFrom) {
  const std::string name = make_temporary_name("model.safetensors", 4711);
  EXPECT_EQ(name.front(), '.');
  const auto parsed = parse_temporary_name(name);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->stem, "model.safetensors");
  EXPECT_EQ(parsed->pid, 4711U);
}

TEST(TemporaryName, IsNeverTheSame) {
  std::set<std::string> names;
  for (int i = 0; i < 1000; ++i) names.insert(make_temporary_name("m", 1));
  EXPECT_EQ(names.size(), 1000U);
}

TEST(TemporaryName, FitsTheLimitWhateverTheName) {
  for (const std::size_t limit : {44U, 45U, 100U, 143U, 255U}) {
    for (const std::size_t length : {1U, 54U, 99U, 210U, 211U, 212U, 255U}) {
      const std::string name = make_temporary_name(std::string(length, 'n'), 4294967295U, limit);
      EXPECT_LE(name.size(), limit);
      const auto parsed = parse_temporary_name(name);
      ASSERT_TRUE(parsed.has_value()) << name;
      EXPECT_EQ(parsed->stem, temporary_stem(std::string(length, 'n'), limit));
    }
  }
}

TEST(TemporaryName, NeverCutsASequence) {
  std::string name;
  while (name.size() < 240) name += "\xE6\xA8\xA1";  // three bytes a letter
  constexpr std::size_t sum = 17;
  for (std::size_t limit = 44 + sum; limit < 100; ++limit)
    EXPECT_EQ((temporary_stem(name, limit).size() - sum) % 3, 0U) << limit;
}

TEST(TemporaryName, TellsLongNamesApartThatBeginAlike) {
  const std::string part(215, 'a');
  const std::string one = temporary_stem(part + "-00001-of-00002.safetensors", usual_name_limit);
  const std::string two = temporary_stem(part + "-00002-of-00002.safetensors", usual_name_limit);
  EXPECT_NE(one, two);
  EXPECT_EQ(one.substr(0, 190), two.substr(0, 190));
  EXPECT_EQ(one.size(), 211U);
  EXPECT_NE(temporary_stem(part, usual_name_limit), temporary_stem(part + "a", usual_name_limit));
  EXPECT_EQ(temporary_stem(part.substr(0, 211), usual_name_limit), part.substr(0, 211));
}

TEST(TemporaryName, RecognisesNothingElse) {
  for (const char* other :
       {"", ".", "..", ".tmp", "model.safetensors", ".model.safetensors.tmp", ".tensorhold-1.tmp",
        "m.tensorhold-1-0123456789abcdef.tmp", ".m.tensorhold-1-0123456789abcdef",
        ".m.tensorhold--0123456789abcdef.tmp", ".m.tensorhold-1-0123456789abcde.tmp",
        ".m.tensorhold-1-0123456789abcdeg.tmp", ".m.tensorhold-1-0123456789ABCDEF.tmp",
        ".m.tensorhold-x1-0123456789abcdef.tmp", ".m.tensorhold-1x-0123456789abcdef.tmp",
        ".m.tensorhold-1-0123456789abcdef0.tmp", ".m.tensorhold-+1-0123456789abcdef.tmp",
        ".m.tensorhold-99999999999999999999999-0123456789abcdef.tmp"})
    EXPECT_FALSE(parse_temporary_name(other).has_value()) << other;
}

TEST(TemporaryName, ANameMayItselfLookLikeOne) {
  const std::string inner = make_temporary_name("m", 7);
  const std::string outer = make_temporary_name(inner, 8);
  const auto parsed = parse_temporary_name(outer);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->stem, inner);
  EXPECT_EQ(parsed->pid, 8U);
}

TEST(JournalName, SaysWhichFileItIsOf) {
  for (const Identity& identity :
       {Identity{1, 0xABC, 0}, Identity{1, 0, 0}, Identity{1, ~std::uint64_t{0}, 5}})
    for (const std::size_t length : {1U, 202U, 203U, 255U}) {
      const std::string file(length, 'n');
      const std::string name = make_journal_name(file, identity);
      EXPECT_LE(name.size(), usual_name_limit);
      const auto parsed = parse_journal_name(name);
      ASSERT_TRUE(parsed.has_value()) << name;
      EXPECT_TRUE(parsed->is_beside(file));
      EXPECT_TRUE(parsed->is_of(identity));
      EXPECT_FALSE(parsed->is_of({1, 0xDEF, 0}));
      EXPECT_EQ(parsed->cut, length > 202);
      EXPECT_FALSE(parse_temporary_name(name).has_value());
    }
  EXPECT_EQ(make_journal_name("m", {1, 0xABC, 0}), ".m.tensorhold-abc.journal");
}

TEST(JournalName, IsNothingElse) {
  for (const char* other :
       {"", ".journal", ".m.journal", "m.tensorhold-1.journal", ".m.tensorhold-.journal",
        ".m.tensorhold-01.journal", ".m.tensorhold-A.journal", ".m.tensorhold-g.journal",
        ".tensorhold-1.journal", ".m.tensorhold-1.journa", ".m.tensorhold-journal",
        ".m.tensorhold-123456789012345678901234567890123.journal"})
    EXPECT_FALSE(parse_journal_name(other).has_value()) << other;
}

}  // namespace
}  // namespace tensorhold::os
