// A file written piece by piece is the file that save() writes, or none.
#include "tensorhold/writer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <thread>

#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "tensorhold/file.hpp"

namespace tensorhold {
namespace {

using test::Scratch;
using test::some_tensors;
using test::Tensors;

std::vector<TensorLayout> layout_of(const Tensors& tensors) {
  std::vector<TensorLayout> layout;
  for (const SaveTensor& tensor : tensors.list())
    layout.push_back(
        {std::string(tensor.name), tensor.dtype, {tensor.shape.begin(), tensor.shape.end()}});
  return layout;
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_all(Writer& writer, const Tensors& tensors) {
  for (const SaveTensor& tensor : tensors.list()) writer.write(tensor.name, tensor.bytes);
}

template <class Action>
Code code_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_FALSE(error.reason().empty());
    return error.code();
  }
  return Code{0};
}

TEST(Writer, WritesTheBytesOfASave) {
  const Scratch scratch;
  const Tensors tensors = some_tensors(1);
  const Metadata metadata{{"format", "pt"}};
  Writer writer(scratch / "f", layout_of(tensors), metadata);
  EXPECT_TRUE(std::ranges::none_of(scratch.names(), [](const auto& name) { return name == "f"; }));
  std::vector<SaveTensor> backwards(tensors.list().rbegin(), tensors.list().rend());
  for (const SaveTensor& tensor : backwards) writer.write(tensor.name, tensor.bytes);
  EXPECT_EQ(writer.written(), writer.nbytes());
  writer.commit();
  EXPECT_FALSE(writer.is_open());
  EXPECT_EQ(test::read_file(scratch / "f"), text_of(save_bytes(tensors.list(), metadata)));
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
}

TEST(Writer, InPiecesInAnyOrderFromSeveralThreads) {
  const Scratch scratch;
  Tensors tensors = some_tensors(2, 40'000'003);  // large enough to go past the page cache
  for (unsigned i = 0; i < 50; ++i)
    tensors.add("t" + std::to_string(i), Dtype::u16, {i * 100}, static_cast<std::uint8_t>(i));
  struct Part {
    const SaveTensor* tensor;
    std::size_t begin;
    std::size_t size;
  };
  std::mt19937 random(7);
  std::vector<Part> parts;
  for (const SaveTensor& tensor : tensors.list())
    for (std::size_t at = 0; at < tensor.bytes.size();) {
      std::size_t size = 2 * (1 + random() % (random() % 3 == 0 ? 3'000'000 : 900));
      size = std::min(size, tensor.bytes.size() - at);
      parts.push_back({&tensor, at, size});
      at += size;
    }
  std::shuffle(parts.begin(), parts.end(), random);
  for (const bool durable : {true, false}) {
    Writer writer(scratch / "f", layout_of(tensors), std::nullopt, {.durable = durable});
    std::atomic<std::size_t> next = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (std::size_t part = 0; (part = next++) < parts.size();)
          writer.write_at(parts[part].tensor->name, parts[part].begin,
                          parts[part].tensor->bytes.subspan(parts[part].begin, parts[part].size));
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(writer.missing().empty());
    writer.commit();
    EXPECT_TRUE(test::read_file(scratch / "f") == text_of(save_bytes(tensors.list())));
  }
}

TEST(Writer, OfTwoThreadsThatWriteTheSameBytesOneIsRefused) {
  const Scratch scratch;
  Tensors tensors;
  tensors.add("w", Dtype::u8, {5'000'000}, 3);
  Writer writer(scratch / "f", layout_of(tensors));
  std::atomic<int> written = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      const Result<void> result = writer.try_write("w", tensors.list()[0].bytes);
      if (result)
        ++written;
      else if (result.error().code() == Code::already_written)
        ++refused;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(written.load(), 1);
  EXPECT_EQ(refused.load(), 3);
  writer.commit();
  EXPECT_TRUE(test::read_file(scratch / "f") == text_of(save_bytes(tensors.list())));
}

TEST(Writer, WrongUsesAreTypedErrorsAndTheWorkGoesOn) {
  const Scratch scratch;
  const Tensors tensors = some_tensors(4);
  Writer writer(scratch / "f", layout_of(tensors));
  const auto large = tensors.list().back().bytes;
  EXPECT_EQ(code_of([&] { writer.write("nobody", large); }), Code::tensor_not_found);
  EXPECT_EQ(code_of([&] { writer.write("large", large.first(5)); }), Code::size_differs);
  EXPECT_EQ(code_of([&] { writer.write_at("large", 1, large); }), Code::invalid_slice);
  EXPECT_EQ(code_of([&] { writer.write_at("large", ~std::uint64_t{0}, large); }),
            Code::invalid_slice);
  writer.write_at("large", 100, large.subspan(100, 100));
  for (const auto& [begin, size] : std::array<std::pair<std::size_t, std::size_t>, 5>{
           {{100, 100}, {99, 2}, {199, 1}, {0, 1000}, {150, 10}}})
    EXPECT_EQ(code_of([&] { writer.write_at("large", begin, large.subspan(begin, size)); }),
              Code::already_written);
  EXPECT_EQ(code_of([&] { writer.commit(); }), Code::incomplete);
  EXPECT_EQ(writer.missing().size(), 4U);  // an empty tensor misses nothing
  for (const SaveTensor& tensor : tensors.list())
    if (tensor.name != "large") writer.write(tensor.name, tensor.bytes);
  writer.write_at("large", 200, large.subspan(200));
  try {
    writer.commit();
    ADD_FAILURE() << "committed without 100 bytes";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::incomplete);
    EXPECT_EQ(error.tensor(), "large");
    EXPECT_NE(error.reason().find("100 of"), std::string::npos) << error.reason();
  }
  writer.write_at("large", 0, large.first(100));
  writer.commit();
  EXPECT_EQ(test::read_file(scratch / "f"), text_of(save_bytes(tensors.list())));
  EXPECT_EQ(code_of([&] { writer.commit(); }), Code::closed);
  EXPECT_EQ(code_of([&] { writer.write_at("large", 0, large); }), Code::closed);
}

TEST(Writer, WithoutCommitTheOldFileStandsAndNothingElse) {
  const Scratch scratch;
  test::write_file(scratch / "f", "old");
  const Tensors tensors = some_tensors(5);
  {
    Writer writer(scratch / "f", layout_of(tensors));
    write_all(writer, tensors);
  }
  EXPECT_EQ(test::read_file(scratch / "f"), "old");
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
  Writer writer(scratch / "f", layout_of(tensors));
  writer.write("large", tensors.list().back().bytes);
  writer.abandon();
  EXPECT_FALSE(writer.is_open());
  EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
  EXPECT_EQ(code_of([&] { writer.write("weight", {}); }), Code::size_differs);
  EXPECT_EQ(code_of([&] { writer.commit(); }), Code::closed);
}

TEST(Writer, RefusesWhatASaveRefuses) {
  const Scratch scratch;
  const auto refusal = [&](std::vector<TensorLayout> tensors) {
    const Result<Writer> made = Writer::try_create(scratch / "f", tensors);
    return made ? Code{0} : made.error().code();
  };
  EXPECT_EQ(refusal({{"a", Dtype::u8, {1}}, {"a", Dtype::u8, {2}}}), Code::duplicate_name);
  EXPECT_EQ(refusal({{"a", Dtype::f4, {3}}}), Code::partial_byte);
  EXPECT_EQ(refusal({{"a", Dtype::f64, {~std::uint64_t{0}, 9}}}), Code::shape_overflow);
  EXPECT_EQ(refusal({{"\xff", Dtype::u8, {1}}}), Code::invalid_utf8);
  EXPECT_TRUE(scratch.names().empty());
}

TEST(Writer, StoppedItRefusesWritesAndLeavesNothing) {
  const Scratch scratch;
  const Tensors tensors = some_tensors(6);
  const StopSource stop;
  std::uint64_t seen = 0;
  {
    Writer writer(scratch / "f", layout_of(tensors), std::nullopt,
                  {.progress = [&](std::uint64_t done, std::uint64_t) { seen = done; },
                   .stop = stop.token()});
    writer.write("large", tensors.list().back().bytes);
    EXPECT_GE(seen, tensors.list().back().bytes.size());
    stop.request_stop();
    EXPECT_EQ(code_of([&] { writer.write("weight", tensors.list()[2].bytes); }), Code::cancelled);
    EXPECT_EQ(writer.missing().size(), 3U);
  }
  EXPECT_TRUE(scratch.names().empty());
}

TEST(Writer, ManySmallPiecesOfOneTensor) {
  const Scratch scratch;
  Tensors tensors;
  tensors.add("w", Dtype::u8, {20'000}, 1);
  Writer writer(scratch / "f", layout_of(tensors), std::nullopt, {.durable = false});
  for (std::size_t i = 0; i < 20'000; i += 2)
    writer.write_at("w", i, tensors.list()[0].bytes.subspan(i, 1));
  for (std::size_t i = 20'000; i > 0; i -= 2)
    writer.write_at("w", i - 1, tensors.list()[0].bytes.subspan(i - 1, 1));
  writer.commit();
  EXPECT_EQ(test::read_file(scratch / "f"), text_of(save_bytes(tensors.list())));
}

TEST(Writer, MayBeWrittenToFromItsOwnProgress) {
  const Scratch scratch;
  Tensors tensors;
  tensors.add("a", Dtype::u8, {64}, 1);
  tensors.add("b", Dtype::u8, {64}, 2);
  Writer* to = nullptr;
  const Progress writes = [&](std::uint64_t, std::uint64_t) {
    if (Writer* const writer = std::exchange(to, nullptr))
      writer->write("b", tensors.list()[1].bytes);
  };
  Writer writer(scratch / "f", layout_of(tensors), std::nullopt, {.progress = writes});
  to = &writer;
  writer.write("a", tensors.list()[0].bytes);
  writer.commit();
  EXPECT_EQ(test::read_file(scratch / "f"), text_of(save_bytes(tensors.list())));
}

TEST(Writer, NoTensorsAtAll) {
  const Scratch scratch;
  Writer writer(scratch / "f", {}, Metadata{});
  writer.commit();
  EXPECT_EQ(open(scratch / "f").size(), 0U);
}

}  // namespace
}  // namespace tensorhold
