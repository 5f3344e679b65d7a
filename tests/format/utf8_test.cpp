#include "format/json/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tensorhold::format {
namespace {

constexpr std::size_t several_blocks = 300;  // of those that are looked at at once

TEST(Utf8, FindsTheFirstWrongByteWhereverItIs) {
  for (std::size_t size = 0; size < several_blocks; ++size) {
    const std::string good(size, 'a');
    EXPECT_TRUE(is_utf8(good)) << size;
    for (std::size_t at = 0; at < size; ++at) {
      std::string bad = good;
      bad[at] = '\x80';
      EXPECT_EQ(utf8_prefix(bad), at) << size;
    }
  }
}

TEST(Utf8, TakesCharactersOfEveryLengthWhereverTheyAre) {
  for (const std::string character : {"ß", "€", "𐍈", "\xf4\x8f\xbf\xbf"})
    for (std::size_t at = 0; at < several_blocks; ++at) {
      const std::string text =
          std::string(at, 'a') + character + std::string(several_blocks - at, 'b');
      EXPECT_TRUE(is_utf8(text)) << at;
      const std::string cut = text.substr(0, at + character.size() - 1);
      EXPECT_EQ(utf8_prefix(cut), at);
    }
}

TEST(Utf8, RefusesWhatIsTooLongASurrogateOrTooLarge) {
  for (const std::string character :
       {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xfe"})
    for (const std::size_t at : {0, 1, 63, 64, 65, 130}) {
      const std::string text = std::string(at, 'a') + character + std::string(200, 'b');
      EXPECT_EQ(utf8_prefix(text), at);
    }
}

}  // namespace
}  // namespace tensorhold::format
