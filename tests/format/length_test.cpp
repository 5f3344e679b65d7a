// The length field, and the names of files that are something else.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "format/parse/sniff.hpp"
#include "support.hpp"

namespace tensorhold::format::test {
namespace {

using namespace std::string_literals;

std::string prefix(std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i, length >>= 8) bytes += static_cast<char>(length & 0xff);
  return bytes;
}

std::uint64_t length_of(const std::string& first, std::uint64_t file_bytes,
                        std::uint64_t limit = default_header_limit) {
  return check_length(std::as_bytes(std::span(first)), file_bytes,
                      {.header_limit = limit, .path = "some/file"});
}

std::optional<Error> refusal(const std::string& first, std::uint64_t file_bytes,
                             std::uint64_t limit = default_header_limit) {
  return error_of([&] { (void)length_of(first, file_bytes, limit); });
}

TEST(Length, IsReadLittleEndian) {
  EXPECT_EQ(length_of(prefix(2) + "{}", 10), 2U);
  EXPECT_EQ(length_of(prefix(0x01020304) + "{", 100'000'000), 0x01020304U);
}

TEST(Length, MustFitTheFile) {
  EXPECT_EQ(length_of(prefix(92) + "{", 100), 92U);
  const auto error = refusal(prefix(93) + "{\"a\":", 100);
  EXPECT_EQ(error->code(), Code::header_truncated);
  EXPECT_NE(error->reason().find("93"), std::string::npos);
  EXPECT_EQ(error->path(), "some/file");
}

TEST(Length, MustObeyTheLimit) {
  EXPECT_EQ(length_of(prefix(1000) + "{", 5000, 1000), 1000U);
  const auto error = refusal(prefix(1001) + "{", 5000, 1000);
  EXPECT_EQ(error->code(), Code::header_too_large);
  EXPECT_NE(error->advice().find("header_limit"), std::string::npos);
  const std::uint64_t huge = std::uint64_t{1} << 33;
  EXPECT_EQ(refusal(prefix(huge) + "{", huge * 2, ~std::uint64_t{0})->code(),
            Code::header_too_large);
  for (const std::uint64_t length : {~std::uint64_t{0}, std::uint64_t{1} << 63, huge})
    EXPECT_EQ(refusal(prefix(length) + "\xfe\xfe", 10)->code(), Code::header_too_large);
}

TEST(Length, MustBeThere) {
  for (std::size_t size = 1; size < 8; ++size)
    EXPECT_EQ(refusal(std::string(size, '\x02'), size)->code(), Code::header_too_small);
  EXPECT_EQ(refusal(prefix(0) + "{}", 10)->code(), Code::invalid_json);
  EXPECT_EQ(refusal("", 0)->code(), Code::not_safetensors);
}

struct Other {
  const char* word;  // that the reason must hold
  std::string bytes;
  Code code = Code::not_safetensors;
};

// Not by +, of which GCC 12 warns where nothing is wrong (its bug 105651).
std::string joined(std::string first, std::string_view second) {
  first.append(second);
  return first;
}

const std::vector<Other>& others() {
  static const std::vector<Other> all{
      {"HTML", "<!DOCTYPE html>\n<html><head><title>Login</title>"},
      {"HTML", "\n  <HTML lang=\"en\">"},
      {"XML", "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"},
      {"git-LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"},
      {"PyTorch",
       joined("PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00\x00\x00"s, "archive/data.pkl")},
      {"NumPy archive", joined("PK\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00\x21\x00"s, "arr_0.npy")},
      {"zip", joined("PK\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00\x21\x00"s, "readme.txt")},
      {"pickle", "\x80\x02}q\x00(X\x06\x00\x00\x00weightq\x01"s},
      {"pickle", "\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}"s},
      {"GGUF", "GGUF\x03\x00\x00\x00\x23\x01\x00\x00\x00\x00\x00\x00"s},
      {"GGML", "lmgg\x00\x7d\x00\x00\x00\x10"s},
      {"ONNX", joined("\x08\x07\x12\x07pytorch\x1a\x05"s, "1.13.1:\xd0")},
      {"NumPy array", "\x93NUMPY\x01\x00v\x00{'descr': '<f4'}"s},
      {"HDF5", "\x89HDF\r\n\x1a\n\x00\x00\x00\x00\x00\x08\x08\x00"s},
      {"gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"s},
      {"zstd", "\x28\xb5\x2f\xfd\x04\x58\x00\x00\x00\x01"s},
      {"xz", "\xfd\x37zXZ\x00\x00\x04\xe6\xd6"s},
      {"bzip2", "BZh91AY&SY\x00"s},
      {"7-Zip", "7z\xbc\xaf\x27\x1c\x00\x04\x00\x00"s},
      {"tar", "model.bin" + std::string(248, '\0') + "ustar\x00\x30\x30"s},
      {"TensorFlow Lite", "\x20\x00\x00\x00TFL3\x00\x00\x12\x00"s},
      {"several files", "{\n  \"metadata\": {\"total_size\": 1},\n  \"weight_map\": {",
       Code::sharded_model},
      {"JSON", "{\"error\": \"Repository not found\"}"},
      {"Entry not found", "Entry not found"},
      {"zeros", std::string(100, '\0')},
  };
  return all;
}

TEST(Sniff, NamesWhatAFileLooksLike) {
  for (const Other& other : others()) {
    const auto error = refusal(other.bytes, 1'000'000);
    ASSERT_TRUE(error) << other.word;
    EXPECT_EQ(to_string(error->code()), to_string(other.code)) << other.word;
    EXPECT_NE(error->reason().find(other.word), std::string::npos) << error->what();
    EXPECT_FALSE(error->advice().empty());
  }
}

TEST(Sniff, NamesShortFilesToo) {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\n";
  EXPECT_EQ(refusal(pointer, pointer.size())->code(), Code::not_safetensors);
}

TEST(Sniff, BearsEveryBeginning) {
  for (const Other& other : others())
    for (std::size_t size = 0; size <= other.bytes.size(); ++size)
      (void)sniff(std::as_bytes(std::span(other.bytes)).first(size), other.bytes.size());
}

TEST(Sniff, SaysNothingOfWhatItDoesNotKnow) {
  const std::string noise = "\x01\xfe\x03\xfc\x07\xf8\x0f\xf0\x1f\xe0\x3f\xc0";
  EXPECT_FALSE(sniff(std::as_bytes(std::span(noise)), 1000));
}

TEST(Sniff, TruncatedDownloadIsNotMistaken) {
  const auto error =
      refusal(prefix(500) + "{\"__metadata__\":{\"format\":\"pt\"},\"weight_map\"", 60);
  EXPECT_EQ(error->code(), Code::header_truncated);
}

}  // namespace
}  // namespace tensorhold::format::test
