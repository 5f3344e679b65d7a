// A file that others make shorter by less than a page: the system shows zeros there, without a
// fault, and whoever takes the bytes has to say so.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <functional>
#include <vector>

#include "support/child_posix.hpp"
#include "support/one_tensor.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

struct Case {
  const char* name;
  std::uint64_t nbytes;
  std::uint64_t cut;
  bool guard;
  bool writable;
};

void PrintTo(const Case& made, std::ostream* out) { *out << made.name; }

/// A tensor "w" behind a small one, "a", in a file that is cut once it is mapped.
struct Cut {
  explicit Cut(const Case& of) : made(of), bytes(of.nbytes), path(folder / "cut.safetensors") {
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<std::byte>(i % 255 + 1);  // never zero
    save_whole();
    file = open(path, {.access = Access::mapped, .guard = of.guard});
    tensor = of.writable ? file.writable("w") : file["w"];
    first = of.writable ? file.writable("a") : file["a"];
  }
  void save_whole() const {
    const std::array tensors{SaveTensor("a", Dtype::u8, shape, std::span(bytes).first(8)),
                             SaveTensor("w", Dtype::u8, extent, bytes)};
    save(path, tensors, std::nullopt, {.durable = false});
  }
  void cut() const {
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - made.cut);
  }
  [[nodiscard]] std::uint64_t end() const { return file.info(1).offset + made.nbytes; }

  Case made;
  std::vector<std::byte> bytes;
  std::array<std::uint64_t, 1> shape{8};
  std::array<std::uint64_t, 1> extent{made.nbytes};
  test::Scratch folder;
  std::string path;
  File file;
  Tensor tensor;
  Tensor first;
};

std::byte byte_of(const Tensor& tensor, std::size_t at) { return tensor.bytes()[at]; }

/// The code of the error that `body` raises; ok: none.
Code code_of(const std::function<void()>& body) {
  try {
    body();
    return Code{};
  } catch (const Error& error) {
    return error.code();
  }
}

class CutInPage : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override { made_.cut(); }
  const Cut made_{GetParam()};
};

TEST_P(CutInPage, CopiesSayWhere) {
  try {
    (void)made_.tensor.copy();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::truncated);
    EXPECT_EQ(error.path(), made_.path);
    EXPECT_EQ(error.tensor(), "w");
    EXPECT_EQ(error.offset(), made_.end() - made_.made.cut);
  }
  std::vector<std::byte> room(made_.bytes.size());
  EXPECT_EQ(code_of([&] { made_.tensor.copy_to(room); }), Code::truncated);
  const Destination destination{.name = "w", .bytes = room};
  EXPECT_EQ(code_of([&] { made_.file.copy_to({&destination, 1}); }), Code::truncated);
  // What is there still can be had.
  EXPECT_EQ(byte_of(made_.first.copy(), 7), std::byte{8});
}

TEST_P(CutInPage, SlicesSayWhere) {
  const auto n = static_cast<std::int64_t>(made_.made.nbytes);
  const auto left = n - static_cast<std::int64_t>(made_.made.cut);
  EXPECT_EQ(code_of([&] { (void)made_.tensor.slice({{n - 1, n}}).copy(); }), Code::truncated);
  EXPECT_EQ(code_of([&] {
              (void)made_.tensor.slice({{left - 1, left + 1}}).copy();
            }),
            Code::truncated);
  EXPECT_EQ(byte_of(made_.tensor.slice({{0, left}}).copy(), 0), std::byte{1});
  // Runs before and behind the cut: the first lost byte that was asked for is named.
  try {
    (void)made_.tensor.slice({{(n - 1) % 3, none, 3}}).copy();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::truncated);
    const std::uint64_t begin = made_.file.info(1).offset;
    const std::uint64_t at = error.offset().value_or(0);
    EXPECT_GE(at, begin + static_cast<std::uint64_t>(left));
    EXPECT_LT(at, begin + static_cast<std::uint64_t>(left) + 3);
  }
}

TEST_P(CutInPage, SavesLeaveTheOldFile) {
  const std::string other = made_.folder / "other.safetensors";
  test::write_file(other, "old");
  const std::array tensors{SaveTensor(made_.tensor), SaveTensor(made_.first)};
  for (const bool durable : {false, true}) {
    try {
      save(other, tensors, std::nullopt, {.durable = durable});
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::truncated);
      EXPECT_EQ(error.tensor(), "w");
    }
  }
  EXPECT_EQ(code_of([&] { (void)save_bytes(tensors); }), Code::truncated);
  EXPECT_EQ(test::read_file(other), "old");
  EXPECT_EQ(made_.folder.names().size(), 2U);
  // The first tensor alone can be saved.
  save(other, std::span(tensors).subspan(1), std::nullopt, {.durable = false});
  EXPECT_EQ(byte_of(open(other)["a"], 7), std::byte{8});
}

TEST_P(CutInPage, WritersAndEditsToo) {
  const std::string other = made_.folder / "other.safetensors";
  const TensorLayout layout{"w", Dtype::u8, {made_.made.nbytes}};
  Writer writer(other, {&layout, 1}, std::nullopt, {.durable = false});
  EXPECT_EQ(code_of([&] { writer.write("w", made_.tensor.bytes()); }), Code::truncated);
  EXPECT_EQ(writer.missing().size(), 1U);
  writer.write("w", made_.bytes);  // what failed may be written again
  writer.commit();
  const std::string before = test::read_file(other);
  EXPECT_EQ(code_of([&] { (void)overwrite(other, "w", made_.tensor.bytes(), {.durable = false}); }),
            Code::truncated);
  EXPECT_EQ(test::read_file(other), before);
  EXPECT_EQ(made_.folder.names().size(), 2U);
}

TEST_P(CutInPage, AReleaseChangesNothing) {
  EXPECT_EQ(code_of([&] { (void)made_.file.release(); }), Code::truncated);
  EXPECT_TRUE(made_.tensor.mapped());
  EXPECT_EQ(made_.tensor.bytes()[0], std::byte{1});
}

TEST_P(CutInPage, WhatWasReleasedBeforeIsWhole) {
  const Cut made(GetParam());
  (void)made.file.release();
  made.cut();
  const Tensor copy = made.tensor.copy();
  EXPECT_TRUE(test::same_bytes(copy.bytes(), made.bytes));
  EXPECT_EQ(code_of([&] { (void)save_bytes(std::array{SaveTensor(made.tensor)}); }), Code{});
}

TEST_P(CutInPage, LoadsSaySoToo) {
  EXPECT_EQ(code_of([&] {
              Plan plan(made_.file);
              plan.add("w");
              (void)plan.load();
            }),
            Code::unexpected_end);
  EXPECT_EQ(made_.file.check(), FileState::truncated);
}

INSTANTIATE_TEST_SUITE_P(Each, CutInPage,
                         ::testing::Values(Case{"small", 160, 8, false, false},
                                           Case{"pages", 40'000, 3000, false, false},
                                           Case{"large", 20'000'000, 1, false, false},
                                           Case{"small_guarded", 160, 8, true, false},
                                           Case{"pages_guarded", 40'000, 3000, true, false},
                                           Case{"small_writable", 160, 8, false, true},
                                           Case{"pages_writable", 40'000, 3000, false, true},
                                           Case{"large_writable_guarded", 20'000'000, 1, true,
                                                true}),
                         [](const auto& made) { return std::string(made.param.name); });

// Who closed the file has the mapping, which knows the file wherever it is called.
TEST(CutAfterClose, CopiesOfEscapedTensorsAreErrors) {
  for (const bool moved : {false, true})
    for (const bool writable : {false, true}) {
      const Cut made({"", 160, 8, false, writable});
      made.file.close();
      std::string path = made.path;
      if (moved) std::filesystem::rename(made.path, path = made.folder / "moved");
      EXPECT_EQ(made.tensor.copy().nbytes(), 160U);
      std::filesystem::resize_file(path, std::filesystem::file_size(path) - 8);
      EXPECT_EQ(code_of([&] { (void)made.tensor.copy(); }), Code::truncated);
      EXPECT_EQ(code_of([&] { (void)save_bytes(std::array{SaveTensor(made.tensor)}); }),
                Code::truncated);
      EXPECT_EQ(code_of([&] { (void)release(made.path); }), Code::truncated);
    }
}

// Beyond a quarter of what a process may have open, handles of closed files are given up: the file
// at the path is asked then.
TEST(CutAfterClose, ManyMappedFilesTakeNoMoreHandlesThanThereAre) {
  TENSORHOLD_EXPECT_CHILD(test::in_child([]() -> std::string {
    const rlimit few{64, 64};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return "skip: no limit";
    const test::Scratch folder;
    std::vector<std::byte> bytes(160, std::byte{7});
    const std::array<std::uint64_t, 1> shape{160};
    const SaveTensor tensor("w", Dtype::u8, shape, bytes);
    std::vector<Tensor> tensors;
    const auto path = [&](int i) { return folder / ("f" + std::to_string(i)); };
    for (int i = 0; i < 200; ++i) {
      save(path(i), {&tensor, 1}, std::nullopt, {.durable = false});
      tensors.push_back(open(path(i), {.access = Access::mapped})["w"]);
    }
    for (int i = 0; i < 200; ++i) {
      if (byte_of(tensors[static_cast<std::size_t>(i)].copy(), 159) != std::byte{7})
        return "wrong bytes";
      std::filesystem::resize_file(path(i), std::filesystem::file_size(path(i)) - 8);
      if (code_of([&] { (void)tensors[static_cast<std::size_t>(i)].copy(); }) != Code::truncated)
        return "file " + std::to_string(i) + " is not known to be cut";
    }
    // Those that ended make room for others.
    tensors.clear();
    save(path(0), {&tensor, 1}, std::nullopt, {.durable = false});
    const Tensor last = open(path(0), {.access = Access::mapped})["w"];
    std::filesystem::rename(path(0), path(1));
    std::filesystem::resize_file(path(1), std::filesystem::file_size(path(1)) - 8);
    return code_of([&] { (void)last.copy(); }) == Code::truncated ? "" : "no handle was kept";
  }));
}

}  // namespace
}  // namespace tensorhold
