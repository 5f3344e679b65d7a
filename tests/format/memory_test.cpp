// What an open header keeps, and what a parse takes at its highest, counted at malloc. A program of
// its own, because it replaces malloc.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <string>

#include "support.hpp"

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void __libc_free(void* block);
}

namespace {

std::atomic<std::size_t> live = 0;
std::atomic<std::size_t> peak = 0;

void count(std::size_t taken, std::size_t given) noexcept {
  const std::size_t now = live.fetch_add(taken - given) + taken - given;
  std::size_t seen = peak.load();
  while (now > seen && !peak.compare_exchange_weak(seen, now)) {
  }
}

}  // namespace

extern "C" void* malloc(std::size_t size) {
  void* block = __libc_malloc(size);
  if (block != nullptr) count(malloc_usable_size(block), 0);
  return block;
}

extern "C" void* realloc(void* block, std::size_t size) {
  const std::size_t before = block == nullptr ? 0 : malloc_usable_size(block);
  void* moved = __libc_realloc(block, size);
  if (moved != nullptr) count(malloc_usable_size(moved), before);
  return moved;
}

extern "C" void free(void* block) {
  if (block != nullptr) count(0, malloc_usable_size(block));
  __libc_free(block);
}

namespace tensorhold::format::test {
namespace {

constexpr std::size_t mebibyte = 1 << 20;

struct Use {
  std::size_t retained = 0;
  std::size_t peak = 0;
};

Use use_of(const std::string& header, std::uint64_t data_bytes, bool good = true) {
  const std::size_t before = live;
  peak = before;
  Use use;
  try {
    const Header parsed = parse_with(header, data_bytes);
    use.retained = live - before;
    EXPECT_TRUE(good);
  } catch (const Error& error) {
    EXPECT_FALSE(good) << error.what();
  }
  use.peak = peak - before;
  return use;
}

void expect_modest(const std::string& header, const Use& use) {
  EXPECT_GT(use.retained, 0U);
  EXPECT_LE(use.retained, header.size() + mebibyte);
  EXPECT_LE(use.peak + header.size(), 16 * header.size() + mebibyte);
}

std::string realistic(int count, const std::string& shape, std::uint64_t bytes, bool spaced) {
  std::string header = spaced ? "{ " : "{";
  for (int i = 0; i < count; ++i)
    header += (i == 0 ? "" : ",") +
              entry("model.layers." + std::to_string(i) + ".mlp.weight", "F16", shape,
                    std::to_string(i * bytes) + "," + std::to_string((i + 1) * bytes));
  return header + "}";
}

TEST(Memory, CountsAllocations) {
  const std::size_t before = live;
  void* volatile block = std::malloc(100'000);
  EXPECT_GE(live - before, 100'000U);
  std::free(block);
  EXPECT_EQ(live, before);
}

TEST(Memory, OfRealisticHeaders) {
  for (const bool spaced : {false, true}) {
    for (const int count : {1, 300, 100'000}) {
      for (const auto& [shape, bytes] : {std::pair{"4,8", 64}, {"2,2,3,3", 72}, {"", 2}}) {
        const auto header = realistic(count, shape, bytes, spaced);
        expect_modest(header, use_of(header, static_cast<std::uint64_t>(count) * bytes));
      }
    }
  }
}

TEST(Memory, OfShortNames) {
  std::string header = "{";
  for (int i = 0; i < 200'000; ++i)
    header += (i == 0 ? "" : ",") +
              entry(std::to_string(i), "U8", "", std::to_string(i) + "," + std::to_string(i + 1));
  header += "}";
  expect_modest(header, use_of(header, 200'000));
}

TEST(Memory, OfHeadersInAnotherOrder) {
  std::string header = "{";
  const int count = 100'000;
  for (int i = 0; i < count; ++i) {
    const int place = count - 1 - i;
    header += (i == 0 ? "" : ",") + entry(std::to_string(place), "U8", "1",
                                          std::to_string(place) + "," + std::to_string(place + 1));
  }
  header += "}";
  expect_modest(header, use_of(header, count));
}

TEST(Memory, OfHostileHeaders) {
  constexpr std::size_t size = 4'000'000;
  std::string dims = "{\"a\":{\"dtype\":\"U8\",\"shape\":[0";
  while (dims.size() < size) dims += ",1";
  const auto deep = "{\"a\":" + std::string(size, '[');
  const auto braces = "{\"" + std::string(size, '{') + "\":1}";
  std::string unknown = "{\"a\":{\"x\":\"";
  while (unknown.size() < size) unknown += "\\u00e9";
  std::string metadata = "{\"__metadata__\":{\"\":\"\"";
  for (int i = 0; metadata.size() < size; ++i) metadata += ",\"" + std::to_string(i) + "\":\"\"";
  std::string escaped = "{\"__metadata__\":{\"\":\"\"";
  for (int i = 0; escaped.size() < size; ++i) escaped += ",\"\\n" + std::to_string(i) + "\":\"\"";
  for (const std::string* text : std::initializer_list<const std::string*>{
           &dims, &deep, &braces, &unknown, &metadata, &escaped}) {
    SCOPED_TRACE(text->substr(0, 40));
    const auto use = use_of(*text, 0, false);
    EXPECT_LE(use.peak + text->size(), 16 * text->size() + mebibyte);
  }
  for (const auto& good : {dims + "],\"data_offsets\":[0,0]}}", metadata + "}}", escaped + "}}"}) {
    SCOPED_TRACE(good.substr(0, 40));
    const auto use = use_of(good, 0);
    EXPECT_LE(use.peak + good.size(), 16 * good.size() + mebibyte);
  }
}

}  // namespace
}  // namespace tensorhold::format::test
