// Which headers the fast path takes, and that it reads them as the general parser does.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support.hpp"

namespace tensorhold::format::test {
namespace {

void expect_equal(const Header& a, const Header& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a.name(i), b.name(i));
    EXPECT_EQ(a.dtype(i), b.dtype(i));
    EXPECT_TRUE(std::ranges::equal(a.shape(i), b.shape(i)));
    EXPECT_EQ(a.begin(i), b.begin(i));
    EXPECT_EQ(a.end(i), b.end(i));
  }
  EXPECT_EQ(a.has_metadata(), b.has_metadata());
  EXPECT_TRUE(std::ranges::equal(a.metadata(), b.metadata()));
}

/// Whether the fast path takes it; if so, both parsers must read the same.
bool taken(const std::string& text, std::uint64_t data_bytes) {
  const std::uint64_t file_bytes = prefix_bytes + text.size() + data_bytes;
  const auto fast = parse_canonical(text, file_bytes, {});
  if (fast) expect_equal(*fast, parse_general(text, file_bytes, {}));
  return fast.has_value();
}

TEST(Canonical, TakesWhatTheKnownWritersEmit) {
  EXPECT_TRUE(taken("{}", 0));
  EXPECT_TRUE(taken("{}      ", 0));
  EXPECT_TRUE(
      taken("{\"__metadata__\":{},\"a\":{\"dtype\":\"U8\",\"shape\":[],"
            "\"data_offsets\":[0,1]}}   ",
            1));
  EXPECT_TRUE(taken("{\"__metadata__\":{\"format\":\"mlx\"}}", 0));
  // Alphabetical order, null metadata and metadata in the middle.
  EXPECT_TRUE(
      taken("{\"A\":{\"data_offsets\":[4,8],\"dtype\":\"I32\",\"shape\":[1]},"
            "\"__metadata__\":null,"
            "\"a\":{\"data_offsets\":[0,4],\"dtype\":\"F32\",\"shape\":[1]}}",
            8));
  EXPECT_TRUE(taken("{" + entry("\xe6\x97\xa5", "U8", "1", "0,1") + "}", 1));
}

TEST(Canonical, ReadsNumbersOfAnyLength) {
  for (const std::string size :
       {"0", "9", "10", "9999999", "10000000", "99999999", "100000000", "999999999999999"}) {
    const std::string text = "{" + entry("a", "U8", size, "0," + size) + "," +
                             entry("b", "U8", "0", size + "," + size) + "}";
    EXPECT_TRUE(taken(text, std::stoull(size))) << text;
  }
}

TEST(Canonical, ReadsNamesOfAnyLength) {
  for (std::size_t length = 0; length < 70; ++length)
    EXPECT_TRUE(taken("{" + entry(std::string(length, 'n'), "U8", "1", "0,1") + "}", 1));
}

TEST(Canonical, SortsWhatComesInAnotherOrder) {
  std::string text = "{";
  for (int i = 0; i < 300; ++i) {
    const int place = i * 7 % 300;
    text += entry("t" + std::to_string(place), "U8", "1",
                  std::to_string(place) + "," + std::to_string(place + 1)) +
            (i < 299 ? "," : "}");
  }
  EXPECT_TRUE(taken(text, 300));
}

TEST(Canonical, LeavesTheRestToTheGeneralParser) {
  const std::string good = "{" + entry("a", "U8", "1", "0,1") + "}";
  EXPECT_TRUE(taken(good, 1));
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    // An exact copy, so that AddressSanitizer sees a read beyond the cut.
    const std::vector<char> text(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(cut));
    EXPECT_FALSE(parse_canonical({text.data(), cut}, prefix_bytes + cut + 1, {})) << cut;
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string spaced = good;
    spaced.insert(at, " ");
    const bool in_name = at == 3;
    EXPECT_EQ(taken(spaced, 1), in_name || spaced.find("\" a\"") != std::string::npos) << spaced;
  }
  EXPECT_FALSE(taken(good + "x", 1));
  EXPECT_FALSE(taken(good, 2));
  EXPECT_FALSE(taken("{" + entry("\\u0061", "U8", "1", "0,1") + "}", 1));
  EXPECT_FALSE(taken("{" + entry("a", "U8", "01", "0,1") + "}", 1));
  EXPECT_FALSE(taken("{" + entry("a", "U8", "1000000000000000", "0,1000000000000000") + "}",
                     1'000'000'000'000'000));
}

class RealFile : public testing::TestWithParam<const char*> {};

TEST_P(RealFile, TakesTheFastPath) {
  const std::string path = std::string(TENSORHOLD_TEST_DATA) + "/" + GetParam();
  std::ifstream stream(path, std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(stream)), {});
  ASSERT_GE(file.size(), 8U) << path;
  const auto first = std::as_bytes(std::span(file)).first(std::min(file.size(), sniff_bytes));
  const auto length = check_length(first, file.size(), {});
  EXPECT_TRUE(taken(file.substr(8, length), file.size() - 8 - length));
}

INSTANTIATE_TEST_SUITE_P(All, RealFile,
                         testing::Values("silero-vad-16k.safetensors", "f16-small.safetensors",
                                         "f64-mlp.safetensors", "ten-dtypes.safetensors",
                                         "empty.safetensors", "chronos2-lora-dummy.safetensors"));

}  // namespace
}  // namespace tensorhold::format::test
