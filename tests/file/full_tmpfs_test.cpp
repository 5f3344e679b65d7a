// A hole of a full tmpfs: no mapping can show it, which is no loss, because the file has its size
// and a read gives zeros.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "support/child_posix.hpp"
#include "support/mounts_linux.hpp"
#include "support/scratch.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

constexpr std::size_t bytes = 400'000;

/// A file whose tensor "w" is full of 7, but for holes of its second half, on a tmpfs that is full.
struct Holes {
  explicit Holes(const std::string& folder)
      : mounted("tmpfs", folder, "size=1m"), path(mounted / "holes.safetensors") {}
  void make() const {
    const std::vector<std::byte> data(bytes, std::byte{7});
    const std::array<std::uint64_t, 1> shape{bytes};
    const SaveTensor tensor("w", Dtype::u8, shape, data);
    save(path, {&tensor, 1}, std::nullopt, {.durable = false});
    const auto size = std::filesystem::file_size(path);
    std::filesystem::resize_file(path, size - bytes / 2);
    std::filesystem::resize_file(path, size);
    std::ofstream filler(mounted / "filler", std::ios::binary);
    const std::string block(4096, 'f');
    while (filler.write(block.data(), 4096) && filler.flush()) {
    }
  }
  const test::Mounted mounted;
  const std::string path;
};

std::string expected(std::span<const std::byte> found) {
  for (std::size_t i = 0; i < found.size(); ++i)
    if (found[i] != (i < bytes / 2 ? std::byte{7} : std::byte{0}))
      return "wrong byte " + std::to_string(i);
  return found.size() == bytes ? "" : "too few bytes";
}

std::string expected(const Tensor& tensor) { return expected(tensor.bytes()); }

std::string on_full_tmpfs(
    const std::function<std::string(const Holes& holes, const std::string& elsewhere)>& body) {
  const test::Scratch folder;
  const test::Scratch elsewhere;
  return test::in_child([&]() -> std::string {
    if (!test::own_mounts()) return "skip: mounts need root";
    const Holes holes(folder.folder().string());
    if (!holes.mounted.mounted()) return "skip: no tmpfs can be mounted here";
    holes.make();
    return body(holes, elsewhere / "saved.safetensors");
  });
}

class FullTmpfs : public ::testing::TestWithParam<std::tuple<bool, bool, bool>> {};

TEST_P(FullTmpfs, HolesAreNoLoss) {
  const auto [guard, writable, closed] = GetParam();
  TENSORHOLD_EXPECT_CHILD(
      on_full_tmpfs([&](const Holes& holes, const std::string& elsewhere) -> std::string {
        File file = open(holes.path, {.access = Access::mapped, .guard = guard});
        const Tensor tensor = writable ? file.writable("w") : file["w"];
        if (closed) file.close();
        if (std::string wrong = expected(tensor.copy()); !wrong.empty()) return "copy: " + wrong;
        const Tensor part = tensor.slice({{bytes / 2 - 1, none, 2}}).copy();
        if (part.bytes()[0] != std::byte{7} || part.bytes()[1] != std::byte{0}) return "slice";
        const std::array saved{SaveTensor(tensor)};
        for (const bool durable : {false, true}) {
          save(elsewhere, saved, std::nullopt, {.durable = durable});
          const File again = open(elsewhere, {.access = Access::owned});
          if (std::string wrong = expected(again["w"]); !wrong.empty()) return "save: " + wrong;
        }
        const std::vector<std::byte> content = save_bytes(saved);
        if (std::string wrong = expected(std::span(content).last(bytes)); !wrong.empty())
          return "save_bytes: " + wrong;
        if (guard) {
          if (std::string wrong = expected(tensor); !wrong.empty()) return "reads: " + wrong;
          if (file.check() != FileState::unchanged) return "check() says damaged";
          if (std::string wrong = expected(tensor.copy()); !wrong.empty())
            return "copy in the end: " + wrong;
        }
        (void)release(holes.path);
        if (tensor.mapped()) return "not released";
        return expected(tensor);
      }));
}

INSTANTIATE_TEST_SUITE_P(Each, FullTmpfs,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool(),
                                            ::testing::Bool()),
                         [](const auto& each) {
                           return std::string(std::get<0>(each.param) ? "Guarded" : "Plain") +
                                  (std::get<1>(each.param) ? "Writable" : "ReadOnly") +
                                  (std::get<2>(each.param) ? "Closed" : "Open");
                         });

TEST(FullTmpfsCut, WhatIsCutOffIsALossAllTheSame) {
  TENSORHOLD_EXPECT_CHILD(on_full_tmpfs([](const Holes& holes, const std::string&) -> std::string {
    const File file = open(holes.path, {.access = Access::mapped, .guard = true});
    const Tensor tensor = file["w"];
    std::filesystem::resize_file(holes.path, std::filesystem::file_size(holes.path) - 100'000);
    if (*static_cast<const volatile std::byte*>(&tensor.bytes()[bytes / 2 + 5000]) != std::byte{0})
      return "the hole that is left";
    if (file.check() != FileState::truncated) return "check() does not say truncated";
    if (*static_cast<const volatile std::byte*>(&tensor.bytes()[bytes - 1]) != std::byte{0})
      return "no zeros";
    return file.check() == FileState::damaged ? "" : "check() does not say damaged";
  }));
}

}  // namespace
}  // namespace tensorhold
