// Every rule of docs/format.md on the header, with good and bad examples.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support.hpp"

namespace tensorhold::format::test {
namespace {

using Shape = std::vector<std::uint64_t>;

Shape shape_of(const Header& header, std::size_t index) {
  return {header.shape(index).begin(), header.shape(index).end()};
}

TEST(Parse, TellsAllThatTheHeaderSays) {
  const auto header = parse_with(
      "{\"__metadata__\":{\"format\":\"pt\",\"k\":\"\"}," + entry("w", "F32", "2,3", "0,24") + "," +
          entry("scalar", "F64", "", "24,32") + "," + entry("none", "U8", "0,7", "32,32") + "}   ",
      32);
  ASSERT_EQ(header.size(), 3U);
  EXPECT_EQ(header.name(0), "w");
  EXPECT_EQ(header.dtype(0), Dtype::f32);
  EXPECT_EQ(shape_of(header, 0), (Shape{2, 3}));
  EXPECT_EQ(header.begin(0), 0U);
  EXPECT_EQ(header.end(0), 24U);
  EXPECT_EQ(header.name(1), "scalar");
  EXPECT_EQ(shape_of(header, 1), Shape{});
  EXPECT_EQ(header.begin(2), 32U);
  EXPECT_EQ(header.end(2), 32U);
  EXPECT_EQ(shape_of(header, 2), (Shape{0, 7}));
  EXPECT_EQ(header.find("none"), 2U);
  EXPECT_EQ(header.find("nome"), std::nullopt);
  EXPECT_EQ(header.data_bytes(), 32U);
  EXPECT_EQ(header.trailing_bytes(), 0U);
  ASSERT_TRUE(header.has_metadata());
  ASSERT_EQ(header.metadata().size(), 2U);
  EXPECT_EQ(header.metadata()[0].first, "format");
  EXPECT_EQ(header.metadata()[0].second, "pt");
  EXPECT_EQ(header.metadata()[1].second, "");
}

TEST(Parse, KeepsItsTextsWhenMoved) {
  auto first =
      parse_with("{\"__metadata__\":{\"k\":\"v\"}," + entry("w", "U8", "1", "0,1") + "}", 1);
  const Header second = std::move(first);
  EXPECT_EQ(second.name(0), "w");
  EXPECT_EQ(second.metadata()[0].first, "k");
  EXPECT_EQ(second.find("w"), 0U);
}

TEST(Parse, AcceptsNoTensors) {
  for (const auto* text : {"{}", "{}      ", " { } ", "{\"__metadata__\":{}}"}) {
    const auto header = parse_with(text, 0);
    EXPECT_EQ(header.size(), 0U);
    EXPECT_EQ(header.find(""), std::nullopt);
    EXPECT_EQ(header.data_bytes(), 0U);
  }
}

TEST(Parse, KnowsEveryDtype) {
  for (std::size_t i = 0; i < dtype_count; ++i) {
    const auto dtype = static_cast<Dtype>(i);
    const auto bytes = std::to_string(bits_of(dtype));  // of eight elements
    for (const std::string space : {"", " "}) {
      const auto header = parse_with(
          "{" + space + entry("a", std::string(to_string(dtype)), "8", "0," + bytes) + "}",
          bits_of(dtype));
      EXPECT_EQ(header.dtype(0), dtype);
    }
  }
}

TEST(Parse, IteratesInOffsetOrder) {
  const auto header = parse_with(
      "{" + entry("b", "U8", "2", "1,3") + "," + entry("empty2", "U8", "0", "1,1") + "," +
          entry("a", "U8", "1", "0,1") + "," + entry("empty1", "U8", "0", "1,1") + "}",
      3);
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < header.size(); ++i) {
    names.push_back(header.name(i));
    EXPECT_EQ(header.find(header.name(i)), i);
  }
  EXPECT_EQ(names, (std::vector<std::string_view>{"a", "empty2", "empty1", "b"}));
  EXPECT_EQ(shape_of(header, 3), Shape{2});
  EXPECT_EQ(header.begin(3), 1U);
  EXPECT_EQ(header.end(3), 3U);
}

TEST(Parse, TakesNullMetadataAsAbsent) {
  const auto header = parse_with("{\"__metadata__\":null," + entry("a", "U8", "1", "0,1") + "}", 1);
  EXPECT_FALSE(header.has_metadata());
  EXPECT_TRUE(header.metadata().empty());
  EXPECT_TRUE(parse_with("{\"__metadata__\":{}}", 0).has_metadata());
}

TEST(Parse, DecodesEscapes) {
  const auto header = parse_with(
      "{\"__metadata__\":{\"\\u006b\\n\":\"\\ud83d\\ude00\\/\"}," +
          entry("\\u00e9\\u65e5\\\"\\\\\\b\\f\\n\\r\\t\\u0000", "U\\u0038", "1", "0,1") + "}",
      1);
  EXPECT_EQ(header.name(0), std::string_view("\xc3\xa9\xe6\x97\xa5\"\\\b\f\n\r\t\0", 13));
  EXPECT_EQ(header.metadata()[0].first, "k\n");
  EXPECT_EQ(header.metadata()[0].second, "\xf0\x9f\x98\x80/");
}

TEST(Parse, IgnoresUnknownFields) {
  expect_good(R"({"a":{"x":[1,{"y":[true,false,null]}],"dtype":"U8","z":-1.5e-3,"shape":[1],)"
              R"("device":"cpu","data_offsets":[0,1],"x":0,"last":{}}})",
              1);
}

TEST(Parse, AcceptsWhiteSpaceAround) { expect_good(" \n\t\r{ } \n\t\r ", 0); }

TEST(Parse, RefusesWhatIsNotOneObject) {
  expect_error("", 0, Code::invalid_json, "", 0);
  expect_error("   ", 0, Code::invalid_json, "", 3);
  expect_error("[]", 0, Code::invalid_json, "", 0);
  expect_error(" null", 0, Code::invalid_json, "", 1);
  expect_error("{}{}", 0, Code::invalid_json, "", 2);
  expect_error(std::string_view("{}\0", 3), 0, Code::invalid_json, "", 2);
  expect_error("{", 0, Code::invalid_json, "", 1);
  expect_error("\xef\xbb\xbf{}", 0, Code::invalid_json, "", 0);
  expect_error("{\"a\":", 0, Code::invalid_json, "a", 5);
}

TEST(Parse, RefusesBrokenJson) {
  const std::string good = entry("a", "U8", "1", "0,1");
  expect_error("{" + good + ",}", 1, Code::invalid_json, "", good.size() + 2);
  expect_error("{" + good + " " + good + "}", 2, Code::invalid_json, "", good.size() + 2);
  const std::string start = "{" + good.substr(0, good.size() - 1) + ",\"x\":";
  const auto expect_bad_value = [&](const std::string& value, std::size_t at) {
    expect_error(start + value + "}}", 1, Code::invalid_json, "a", start.size() + at);
  };
  expect_bad_value("01", 1);
  expect_bad_value("1.", 2);
  expect_bad_value("-", 1);
  expect_bad_value("1e", 2);
  expect_bad_value("1e400", 5);
  expect_bad_value("+1", 0);
  expect_bad_value("tru", 0);
  expect_bad_value("NaN", 0);
  expect_bad_value("\"\x01\"", 1);
  expect_bad_value("\"\\q\"", 2);
  expect_bad_value("\"\\u12g4\"", 5);
  expect_bad_value("\"\\ud800\"", 1);
  expect_bad_value("\"\\udc00\"", 1);
  expect_bad_value("\"\\ud800\\u0041\"", 1);
  expect_bad_value("[1,]", 3);
  expect_bad_value("{1:2}", 1);
}

TEST(Parse, LimitsNesting) {
  const auto nested = [&](std::size_t depth) {
    const std::string good = entry("a", "U8", "1", "0,1");
    return "{" + good.substr(0, good.size() - 1) + ",\"x\":" + std::string(depth, '[') +
           std::string(depth, ']') + "}}";
  };
  expect_good(nested(125), 1);
  expect_error(nested(126), 1, Code::invalid_json, "a", nested(126).find('[', 51) + 125);
  expect_error(nested(100'000), 1, Code::invalid_json, "a", nested(126).find('[', 51) + 125);
}

TEST(Parse, RefusesWhatIsNotUtf8) {
  expect_error("{\"a\xff\":1}", 0, Code::invalid_utf8, "", 3);
  expect_error("{\"\xed\xa0\x80\":1}", 0, Code::invalid_utf8, "", 2);
  expect_error("{\"\xc0\x80\":1}", 0, Code::invalid_utf8, "", 2);
  expect_error("{\"\xf4\x90\x80\x80\":1}", 0, Code::invalid_utf8, "", 2);
  expect_error("{\"\xe6\x97\xa5\xe6\x97", 0, Code::invalid_utf8, "", 5);
  expect_good("{" + entry("\xe6\x97\xa5\xf0\x9f\x98\x80", "U8", "1", "0,1") + "}", 1);
}

TEST(Parse, RefusesNamesThatOccurTwice) {
  const std::string first = entry("a", "U8", "1", "0,1");
  expect_error("{" + first + "," + entry("a", "U8", "1", "1,2") + "}", 2, Code::duplicate_name, "a",
               first.size() + 2);
  expect_error("{" + first + "," + entry("\\u0061", "U8", "1", "0,1") + "}", 1,
               Code::duplicate_name, "a", first.size() + 2);
  expect_error_at("{\"__metadata__\":{\"k\":\"v\",\"j\":\"\",\"\\u006b\":\"w\"}}", 0,
                  Code::duplicate_name, "", "\"\\u006b\"");
  expect_error_at("{\"__metadata__\":{},\"__metadata\\u005f_\":{}}", 0, Code::duplicate_name, "",
                  "\"__metadata\\");
}

TEST(Parse, RefusesMetadataThatIsNoMapOfStrings) {
  expect_error_at("{\"__metadata__\":[]}", 0, Code::invalid_metadata, "", "[");
  expect_error_at("{\"__metadata__\":\"x\"}", 0, Code::invalid_metadata, "", "\"x");
  expect_error_at("{\"__metadata__\":{\"k\":1}}", 0, Code::invalid_metadata, "", "1");
  expect_error_at("{\"__metadata__\":{\"k\":null}}", 0, Code::invalid_metadata, "", "null");
  expect_error_at("{\"__metadata__\":{\"k\":{}}}", 0, Code::invalid_metadata, "", "{}");
}

TEST(Parse, ReadsMetadataThatIsNoTextWhereThatIsWanted) {
  const auto header = parse_with(
      R"({"__metadata__":{"n": 1 ,"o":{"a":["}",2.5e1]},"t":true,"z":null,"s":"\"x"}})", 0, true);
  const std::vector<std::pair<std::string_view, std::string_view>> expected = {
      {"n", "1"}, {"o", R"({"a":["}",2.5e1]})"}, {"t", "true"}, {"z", "null"}, {"s", "\"x"}};
  ASSERT_EQ(header.metadata().size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(header.metadata()[i].first, expected[i].first);
    EXPECT_EQ(header.metadata()[i].second, expected[i].second);
  }
  EXPECT_THROW((void)parse_with(R"({"__metadata__":[1]})", 0, true), Error);
  EXPECT_THROW((void)parse_with(R"({"__metadata__":{"a":1,"a":2}})", 0, true), Error);
  EXPECT_THROW((void)parse_with(R"({"__metadata__":{"a":01}})", 0, true), Error);
}

TEST(Parse, NamesPaddingByNulBytes) {
  const std::string good = "{" + entry("a", "U8", "1", "0,1") + "}";
  for (const std::string& padding : {std::string(1, '\0'), std::string(7, '\0')}) {
    expect_error(good + padding, 1, Code::invalid_json, "", good.size());
    expect_error(good + "  " + padding, 1, Code::invalid_json, "", good.size() + 2);
    try {
      (void)parse_with(good + padding, 1);
      FAIL();
    } catch (const Error& error) {
      EXPECT_NE(error.reason().find("NUL"), std::string::npos) << error.reason();
    }
  }
  // Where the object does not end before them, the JSON is what is wrong.
  expect_error("{" + std::string(3, '\0'), 0, Code::invalid_json, "", 1);
}

TEST(Parse, RefusesBrokenEntries) {
  expect_error_at("{\"a\":1}", 0, Code::invalid_entry, "a", "1");
  expect_error_at("{\"a\":null}", 0, Code::invalid_entry, "a", "null");
  expect_error_at("{\"a\":[\"U8\",[1],[0,1]]}", 1, Code::invalid_entry, "a", "[\"U8");
  expect_error_at(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1, Code::invalid_entry, "a",
                  "\"a\"");
  expect_error_at(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1, Code::invalid_entry, "a",
                  "\"a\"");
  expect_error_at(R"({"a":{"dtype":"U8","shape":[1]}})", 1, Code::invalid_entry, "a", "\"a\"");
  expect_error(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
               Code::invalid_entry, "a", 19);
  expect_error_at(R"({"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}})", 1, Code::invalid_entry,
                  "a", "8,");
  expect_error_at(R"({"a":{"dtype":{"U8":null},"shape":[1],"data_offsets":[0,1]}})", 1,
                  Code::invalid_entry, "a", "{\"U8");
  for (const std::string number :
       {"1.0", "1e0", "-0", "-1", "18446744073709551616", "\"1\"", "[]"}) {
    expect_error_at("{" + entry("a", "U8", number, "0,1") + "}", 1, Code::invalid_entry, "a",
                    number);
    expect_error("{" + entry("a", "U8", "1", "0," + number) + "}", 1, Code::invalid_entry, "a", 49);
  }
  expect_error_at("{" + entry("a", "U8", "1", "0") + "}", 1, Code::invalid_entry, "a", "]}}");
  expect_error_at("{" + entry("a", "U8", "1", "0,1,7") + "}", 1, Code::invalid_entry, "a", "7");
  expect_error_at(R"({"a":{"dtype":"U8","shape":null,"data_offsets":[0,1]}})", 1,
                  Code::invalid_entry, "a", "null");
}

TEST(Parse, RefusesUnknownDtypes) {
  for (const std::string dtype :
       {"u8", "F128", "", "U8 ", "F8_E4M3FNUZX", "F8_E4M3FN", "F8_E4M3FNU"})
    expect_error("{" + entry("a", dtype, "1", "0,1") + "}", 1, Code::unknown_dtype, "a", 14);
}

TEST(Parse, ChecksSizes) {
  expect_error_at("{" + entry("a", "F32", "2", "0,7") + "}", 7, Code::size_mismatch, "a",
                  "\"data_offsets\"");
  expect_error_at("{" + entry("a", "U8", "18446744073709551615,2,0", "0,0") + "}", 0,
                  Code::shape_overflow, "a", "\"shape\"");
  expect_good("{" + entry("a", "U8", "0,18446744073709551615,2", "0,0") + "}", 0);
  expect_error_at("{" + entry("a", "U64", "2305843009213693952", "0,0") + "}", 0,
                  Code::shape_overflow, "a", "\"shape\"");
  expect_good("{" + entry("a", "F4", "2", "0,1") + "}", 1);
  expect_good("{" + entry("a", "F6_E2M3", "4", "0,3") + "}", 3);
  expect_error_at("{" + entry("a", "F4", "3", "0,2") + "}", 2, Code::partial_byte, "a",
                  "\"shape\"");
  expect_error_at("{" + entry("a", "F6_E3M2", "2", "0,2") + "}", 2, Code::partial_byte, "a",
                  "\"shape\"");
  expect_error_at("{" + entry("a", "U8", "1", "1,0") + "}", 1, Code::invalid_offsets, "a",
                  "\"data_offsets\"");
}

TEST(Parse, ChecksThatTensorsTileTheBuffer) {
  const std::string hole =
      "{" + entry("a", "U8", "1", "0,1") + "," + entry("b", "U8", "2", "4,6") + "}";
  expect_error(hole, 6, Code::invalid_offsets, "b", hole.size() + 1);
  const std::string late = "{" + entry("a", "U8", "1", "1,2") + "}";
  expect_error(late, 2, Code::invalid_offsets, "a", late.size());
  const std::string overlap =
      "{" + entry("a", "U8", "3", "0,3") + "," + entry("b", "U8", "2", "2,4") + "}";
  expect_error(overlap, 4, Code::invalid_offsets, "b", overlap.size() + 2);
  const std::string inside =
      "{" + entry("a", "U8", "3", "0,3") + "," + entry("empty", "U8", "0", "2,2") + "}";
  expect_error(inside, 3, Code::invalid_offsets, "empty", inside.size() + 2);
}

TEST(Parse, ChecksTheEndOfTheFile) {
  const std::string two =
      "{" + entry("a", "U8", "1", "0,1") + "," + entry("b", "U8", "2", "1,3") + "}";
  expect_error(two, 2, Code::data_truncated, "b", two.size() + 2);
  expect_error(two, 0, Code::data_truncated, "a", two.size());
  expect_error(two, 5, Code::trailing_bytes, "", two.size() + 3);
  const auto error = error_of([&] { (void)parse_with(two, 5); });
  EXPECT_NE(error->reason().find("2 bytes"), std::string::npos);
  const auto header = parse_with(two, 5, true);
  EXPECT_EQ(header.trailing_bytes(), 2U);
  EXPECT_EQ(header.end(1), 3U);
  EXPECT_EQ(error_of([&] { (void)parse_with(two, 2, true); })->code(), Code::data_truncated);
}

TEST(Parse, ObeysTheLimit) {
  const std::string text = "{}" + std::string(98, ' ');
  EXPECT_NO_THROW((void)parse(text, 108, {.header_limit = 100}));
  const auto error = error_of([&] { (void)parse(text, 108, {.header_limit = 99}); });
  EXPECT_EQ(error->code(), Code::header_too_large);
  const auto cut = error_of([&] { (void)parse(text, 107, {}); });
  EXPECT_EQ(cut->code(), Code::header_truncated);
}

}  // namespace
}  // namespace tensorhold::format::test
