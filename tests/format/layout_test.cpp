// The writer's side: order, offsets, header text, checks. The reference package is the oracle in
// tests/oracle; here are the rules themselves.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "format/write/layout.hpp"
#include "support.hpp"

namespace tensorhold::format::test {
namespace {

using Shape = std::vector<std::uint64_t>;
using namespace std::string_literals;

std::string header_of(const Layout& layout) { return layout.prefix.substr(prefix_bytes); }

std::uint64_t length_of(const Layout& layout) {
  std::uint64_t length = 0;
  for (std::size_t i = prefix_bytes; i-- > 0;)
    length = length << 8 | static_cast<unsigned char>(layout.prefix[i]);
  return length;
}

std::string without_padding(std::string header) {
  header.erase(header.find_last_not_of(' ') + 1);
  return header;
}

TEST(Layout, WritesTheReferenceText) {
  const Shape matrix{2, 3};
  const Shape scalar;
  const std::vector<TensorSpec> tensors{{"b", Dtype::f32, matrix, 24}, {"a", Dtype::u8, scalar, 1}};
  const MetadataPairs metadata{{"format", "pt"}, {"a", "b"}};
  const auto layout = make_layout(tensors, &metadata);
  EXPECT_EQ(without_padding(header_of(layout)),
            "{\"__metadata__\":{\"format\":\"pt\",\"a\":\"b\"},"
            "\"b\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
            "\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[24,25]}}");
  EXPECT_EQ(layout.prefix.size() % 8, 0U);
  EXPECT_EQ(length_of(layout), layout.prefix.size() - 8);
  EXPECT_EQ(layout.data_bytes, 25U);
}

TEST(Layout, WritesEmptyFiles) {
  EXPECT_EQ(header_of(make_layout({}, nullptr)), "{}      ");
  const MetadataPairs none;
  EXPECT_EQ(without_padding(header_of(make_layout({}, &none))), "{\"__metadata__\":{}}");
}

TEST(Layout, SortsByDtypeThenName) {
  const Shape one{8};
  std::vector<TensorSpec> tensors;
  for (std::size_t i = 0; i < dtype_count; ++i)
    for (const char* name : {"b", "a", "\xc3\xa9", "Z"})
      tensors.push_back({name, static_cast<Dtype>(i), one, bits_of(static_cast<Dtype>(i))});
  std::vector<std::string> names;
  for (TensorSpec& tensor : tensors) {
    names.push_back(std::string(tensor.name) + std::string(to_string(tensor.dtype)));
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].name = names[i];
  const auto layout = make_layout(tensors, nullptr);
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < layout.order.size(); ++i) {
    EXPECT_EQ(layout.order[i].begin, at);
    at += layout.order[i].nbytes;
    if (i == 0) continue;
    const auto& before = tensors[layout.order[i - 1].index];
    const auto& here = tensors[layout.order[i].index];
    EXPECT_TRUE(before.dtype > here.dtype ||
                (before.dtype == here.dtype && before.name < here.name));
  }
  EXPECT_EQ(layout.data_bytes, at);
}

TEST(Layout, EscapesAsTheReferenceDoes) {
  const Shape none{0};
  const std::string name = "\x01\x1f\b\f\n\r\t\"\\/\x7f\xc3\xa9\xf0\x9f\x98\x80"s;
  const std::vector<TensorSpec> tensors{{name, Dtype::u8, none, 0}};
  const MetadataPairs metadata{{"\0"s, "\xe2\x80\xa8"}};
  const auto layout = make_layout(tensors, &metadata);
  EXPECT_EQ(
      without_padding(header_of(layout)),
      "{\"__metadata__\":{\"\\u0000\":\"\xe2\x80\xa8\"},\"\\u0001\\u001f\\b\\f\\n\\r\\t\\\"\\\\/"
      "\x7f\xc3\xa9\xf0\x9f\x98\x80\":{\"dtype\":\"U8\",\"shape\":[0],"
      "\"data_offsets\":[0,0]}}");
  const auto parsed = parse_with(header_of(layout), 0);
  EXPECT_EQ(parsed.name(0), name);
  EXPECT_EQ(parsed.metadata()[0].first, "\0"s);
}

TEST(Layout, AlignsAndReserves) {
  const Shape one{1};
  const std::vector<TensorSpec> tensors{{"a", Dtype::u8, one, 1}};
  const auto plain = make_layout(tensors, nullptr);
  for (const std::uint64_t align : {8, 16, 64, 4096, 65536}) {
    for (const std::uint64_t reserve : {0, 1, 1000}) {
      const auto layout =
          make_layout(tensors, nullptr, {.align = align, .reserve_header = reserve});
      EXPECT_EQ(layout.prefix.size() % align, 0U);
      EXPECT_EQ(length_of(layout), layout.prefix.size() - 8);
      EXPECT_EQ(without_padding(header_of(layout)), without_padding(header_of(plain)));
      EXPECT_GE(layout.prefix.size(), 8 + without_padding(header_of(plain)).size() + reserve);
      EXPECT_LT(layout.prefix.size(),
                8 + without_padding(header_of(plain)).size() + reserve + align);
      EXPECT_EQ(parse_with(header_of(layout), 1).size(), 1U);
    }
  }
}

TEST(Layout, Refuses) {
  const Shape one{1};
  const Shape three{3};
  const Shape huge{std::uint64_t{1} << 63, 4};
  const auto refused = [](std::vector<TensorSpec> tensors, const MetadataPairs* metadata = nullptr,
                          const LayoutOptions& options = {}) {
    return *error_of([&] { (void)make_layout(tensors, metadata, options); });
  };
  const TensorSpec good{"a", Dtype::u8, one, 1};
  const auto twice = refused({good, {"b", Dtype::u8, one, 1}, good});
  EXPECT_EQ(twice.code(), Code::duplicate_name);
  EXPECT_EQ(twice.tensor(), "a");
  EXPECT_EQ(refused({{"__metadata__", Dtype::u8, one, 1}}).code(), Code::invalid_argument);
  EXPECT_EQ(refused({{"a\xff", Dtype::u8, one, 1}}).code(), Code::invalid_utf8);
  EXPECT_EQ(refused({{"a", Dtype::u8, one, 2}}).code(), Code::size_mismatch);
  EXPECT_EQ(refused({{"a", Dtype::f4, three, 2}}).code(), Code::partial_byte);
  EXPECT_EQ(refused({{"a", Dtype::u8, huge, 2}}).code(), Code::shape_overflow);
  for (const std::uint64_t align : {0, 1, 4, 12, 131072})
    EXPECT_EQ(refused({good}, nullptr, {.align = align}).code(), Code::invalid_argument);
  EXPECT_EQ(refused({good}, nullptr, {.reserve_header = 1000, .header_limit = 999}).code(),
            Code::header_too_large);
  EXPECT_EQ(refused({good}, nullptr, {.reserve_header = ~std::uint64_t{0}}).code(),
            Code::header_too_large);
  const MetadataPairs doubled{{"k", "1"}, {"k", "2"}};
  EXPECT_EQ(refused({good}, &doubled).code(), Code::duplicate_name);
  const MetadataPairs broken{{"k", "\xff"}};
  EXPECT_EQ(refused({good}, &broken).code(), Code::invalid_utf8);
}

TEST(Layout, RefusesSumsBeyond64Bits) {
  const Shape half{std::uint64_t{1} << 60};
  std::vector<std::string> names;
  for (int i = 0; i < 17; ++i) names.push_back("t" + std::to_string(i));
  std::vector<TensorSpec> tensors;
  for (const auto& name : names) tensors.push_back({name, Dtype::u8, half, half[0]});
  EXPECT_EQ(error_of([&] { (void)make_layout(tensors, nullptr); })->code(), Code::shape_overflow);
}

}  // namespace
}  // namespace tensorhold::format::test
