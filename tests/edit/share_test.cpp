// Edits on filesystems that share blocks between files, each mounted from an image for the test.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "../support/child_posix.hpp"
#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::Scratch;
using test::some_tensors;
using test::Tensors;

bool runs(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

bool same_bytes(const std::string& path, const Tensors& tensors) {
  const File file = open(path);
  return std::ranges::all_of(tensors.list(), [&](const SaveTensor& saved) {
    const Tensor tensor = file[saved.name];
    return test::same_bytes(tensor.bytes(), saved.bytes);
  });
}

std::string edits(const std::string& path) {
  Tensors tensors = some_tensors(1, 20'000'003);
  save(path, tensors.list());
  const Edited grown = edit_metadata(path, {.set = {{"a", std::string(9000, 'x')}}, .remove = {}});
  if (!grown.rewritten || !grown.shared) return "the tensors were copied";
  if (!same_bytes(path, tensors)) return "wrong bytes after the metadata";
  std::vector<std::byte> bytes(20'000'003, std::byte{77});
  (void)overwrite(path, "large", bytes);
  const File file = open(path);
  const Tensor large = file["large"];
  const Tensor weight = file["weight"];
  if (!test::same_bytes(large.bytes(), bytes)) return "wrong bytes after the tensor";
  if (!test::same_bytes(weight.bytes(), tensors.list()[2].bytes)) return "another tensor changed";
  return "";
}

class Share : public testing::TestWithParam<const char*> {};

TEST_P(Share, TheTensorsOfAFileThatGrowsAreNotCopied) {
  const Scratch scratch;
  const std::string system = GetParam();
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const std::string image = scratch / "image";
    const std::string folder = scratch / "mounted";
    std::filesystem::create_directory(folder);
    test::write_file(image, "");
    std::filesystem::resize_file(image, std::uintmax_t{400} << 20);
    if (!runs("mkfs." + system + " " + image)) return "skip: no mkfs." + system;
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        !runs("mount -o loop " + image + " " + folder))
      return "skip: cannot mount " + system;
    const std::string said = edits(folder + "/f");
    const bool alone = Scratch::names_in(folder).size() == 1;
    (void)runs("umount " + folder);
    return said.empty() && !alone ? "litter" : said;
  }));
}

INSTANTIATE_TEST_SUITE_P(Of, Share, testing::Values("xfs", "btrfs"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace tensorhold
