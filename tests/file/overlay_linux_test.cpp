// A file of a lower layer that others write to: on overlayfs it becomes another file, which handles
// read from then on and mappings do not show. All ways of one File give one content.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/child_posix.hpp"
#include "support/mounts_linux.hpp"
#include "support/scratch.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

constexpr std::size_t bytes = 20'000'000;  // enough for reads past the cache
constexpr std::byte old_value{1};
constexpr std::byte new_value{2};

void save_filled(const std::string& path) {
  const std::vector<std::byte> data(bytes, old_value);
  const std::array<std::uint64_t, 1> half{bytes / 2};
  const std::array tensors{SaveTensor("a", Dtype::u8, half, std::span(data).first(bytes / 2)),
                           SaveTensor("b", Dtype::u8, half, std::span(data).subspan(bytes / 2))};
  save(path, tensors, std::nullopt, {.durable = false});
}

/// Writes other bytes over those of all tensors, in place, and so copies the file up.
void write_over(const std::string& path) {
  const auto size = std::filesystem::file_size(path);
  std::fstream out(path, std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(static_cast<std::streamoff>(size - bytes));
  const std::string data(bytes, static_cast<char>(new_value));
  out.write(data.data(), static_cast<std::streamsize>(data.size()));
}

std::string all_are(const Tensor& tensor, std::byte value, const char* what) {
  const std::span<const std::byte> found = tensor.bytes();
  const auto wrong = std::ranges::count_if(found, [&](std::byte b) { return b != value; });
  return wrong == 0 ? "" : std::string(what) + ": " + std::to_string(wrong) + " wrong bytes";
}

/// Runs `body` in a child, with the path of a file in a lower layer.
std::string on_overlay(const std::function<std::string(const std::string& path)>& body) {
  const test::Scratch folder;
  return test::in_child([&]() -> std::string {
    if (!test::own_mounts()) return "skip: mounts need root";
    const test::Mounted base("tmpfs", folder.folder().string(), "");
    if (!base.mounted()) return "skip: no tmpfs can be mounted here";
    for (const char* name : {"low", "up", "work", "over"})
      std::filesystem::create_directory(base / name);
    save_filled(base / "low/m.safetensors");
    const test::Mounted overlay("overlay", base / "over",
                                "lowerdir=" + (base / "low") + ",upperdir=" + (base / "up") +
                                    ",workdir=" + (base / "work"));
    if (!overlay.mounted()) return "skip: no overlayfs can be mounted here";
    return body(overlay / "m.safetensors");
  });
}

std::vector<Tensor> load_all(const File& file, const Progress& progress = {}) {
  Plan plan(file);
  plan.add_all();
  return plan.load({.threads = 1, .progress = progress});
}

TEST(Overlay, LoadsGiveWhatTensorsShow) {
  TENSORHOLD_EXPECT_CHILD(on_overlay([](const std::string& path) -> std::string {
    const File file = open(path, {.access = Access::mapped});
    const Tensor tensor = file["a"];
    write_over(path);
    if (std::string wrong = all_are(tensor, old_value, "tensor"); !wrong.empty()) return wrong;
    for (const Tensor& loaded : load_all(file))
      if (std::string wrong = all_are(loaded, old_value, "load"); !wrong.empty()) return wrong;
    std::vector<std::byte> room(bytes / 2);
    const std::span<std::byte> place(room);
    Plan plan(file);
    plan.add("b", {{0, none, 1}});
    plan.load_into({&place, 1});
    if (std::ranges::count(room, old_value) != bytes / 2) return "load_into: wrong bytes";
    Plan all(file);
    all.add_all();
    TensorStream stream = all.stream();
    while (const auto item = stream.next())
      if (std::string wrong = all_are(item->tensor, old_value, "stream"); !wrong.empty())
        return wrong;
    if (std::string wrong = all_are(file["b"].copy(), old_value, "copy"); !wrong.empty())
      return wrong;
    if (std::string wrong = all_are(file.writable("b"), old_value, "writable"); !wrong.empty())
      return wrong;
    if (file.check() != FileState::modified) return "check() does not tell";
    (void)file.release();
    return all_are(tensor, old_value, "released");
  }));
}

TEST(Overlay, ACopyUpInTheMiddleOfALoadDoesNotMix) {
  TENSORHOLD_EXPECT_CHILD(on_overlay([](const std::string& path) -> std::string {
    const File file = open(path, {.access = Access::mapped});
    bool written = false;
    const auto loaded = load_all(file, [&](std::uint64_t, std::uint64_t) {
      if (!std::exchange(written, true)) write_over(path);
    });
    if (!written) return "nothing was written in the middle";
    for (const Tensor& tensor : loaded)
      if (std::string wrong = all_are(tensor, old_value, "load"); !wrong.empty()) return wrong;
    return "";
  }));
}

// The release takes away what nobody has, which is what the load still reads.
TEST(Overlay, AReleaseInTheMiddleOfALoadDoesNotMix) {
  TENSORHOLD_EXPECT_CHILD(on_overlay([](const std::string& path) -> std::string {
    const File file = open(path, {.access = Access::mapped});
    write_over(path);
    bool released = false;
    const auto loaded = load_all(file, [&](std::uint64_t, std::uint64_t) {
      if (!std::exchange(released, true)) (void)file.release();
    });
    for (const Tensor& tensor : loaded)
      if (std::string wrong = all_are(tensor, old_value, "load"); !wrong.empty()) return wrong;
    return "";
  }));
}

TEST(Overlay, ACopyUpThatMakesItShorterGivesTheOldBytesOrAnError) {
  TENSORHOLD_EXPECT_CHILD(on_overlay([](const std::string& path) -> std::string {
    for (const std::uintmax_t left : {std::uintmax_t{0}, std::uintmax_t{bytes - 100}}) {
      const File file = open(path, {.access = Access::mapped});
      const Tensor tensor = file["b"];
      std::filesystem::resize_file(path, left);
      const auto tried = [&](const std::function<Tensor()>& make) -> std::string {
        try {
          return all_are(make(), old_value, "after the cut");
        } catch (const Error& error) {
          return error.code() == Code::truncated ? "" : error.what();
        }
      };
      if (std::string wrong = tried([&] { return tensor.copy(); }); !wrong.empty()) return wrong;
      if (std::string wrong = tried([&] { return load_all(file).back(); }); !wrong.empty())
        return wrong;
      std::filesystem::remove(path);
      save_filled(path);
    }
    return "";
  }));
}

TEST(Overlay, AFileThatIsCutInTheUpperLayerIsTruncated) {
  TENSORHOLD_EXPECT_CHILD(on_overlay([](const std::string& path) -> std::string {
    write_over(path);  // it is in the upper layer now
    const File file = open(path, {.access = Access::mapped});
    const Tensor tensor = file["b"];
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 8);
    try {
      (void)tensor.copy();
      return "no error";
    } catch (const Error& error) {
      return error.code() == Code::truncated ? "" : error.what();
    }
  }));
}

}  // namespace
}  // namespace tensorhold
