// Automatic access and loads on the filesystems of this machine, each mounted for the test.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "support/child_posix.hpp"
#include "support/scratch.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

/// True when the shell command succeeds; what it says is of no interest.
bool runs(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;  // NOLINT: words of this test
}

/// In a child: mounts for nobody else.
bool own_mounts() {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

struct Kind {
  const char* name;                   ///< as why() has it
  std::vector<std::string> commands;  ///< FOLDER stands for the scratch folder, FOLDER/m the mount
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

std::string mount(const Kind& kind, const std::string& folder) {
  for (std::string command : kind.commands) {
    for (std::size_t at = 0; (at = command.find("FOLDER", at)) != std::string::npos;)
      command.replace(at, 6, folder);
    if (!runs(command)) return "skip: cannot run: " + command;
  }
  return "";
}

/// Saves, opens with automatic access, loads, and says what is wrong.
std::string use(const std::string& path, const char* name) {
  // As large as it takes for reads past the cache.
  const test::Tensors tensors = test::some_tensors(1, 17'000'000);
  save(path, tensors.list());
  const File file = open(path);
  if (file.access() != Access::mapped) return std::string("owned: ") + file.why();
  if (file.why().find(name) == std::string::npos) return "why: " + file.why();
  Plan plan(file);
  for (const SaveTensor& saved : tensors.list()) plan.add(saved.name);
  const std::vector<Tensor> loaded = plan.load();
  for (std::size_t i = 0; i < loaded.size(); ++i) {
    const Tensor mapped = file[loaded[i].name()];
    if (!test::same_bytes(loaded[i].bytes(), tensors.list()[i].bytes) ||
        !test::same_bytes(mapped.bytes(), tensors.list()[i].bytes))
      return "wrong bytes in " + std::string(loaded[i].name());
  }
  return "";
}

class Filesystems : public ::testing::TestWithParam<Kind> {};

TEST_P(Filesystems, AreToldApartAndMapped) {
  const test::Scratch folder;
  std::filesystem::create_directory(folder / "m");
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!own_mounts()) return "skip: mounts need root";
    const std::string missing = mount(GetParam(), folder.folder().string());
    if (!missing.empty()) return missing;
    const std::string wrong = use(folder / "m/model.safetensors", GetParam().name);
    (void)::umount2((folder / "m").c_str(), MNT_DETACH);
    return wrong;
  }));
}

/// On a file of its own behind a loop device.
Kind on_a_disk(const char* name, const std::string& mkfs, const std::string& size) {
  return {name,
          {"truncate -s " + size + " FOLDER/disk", mkfs + " FOLDER/disk",
           "mount -o loop FOLDER/disk FOLDER/m"}};
}

INSTANTIATE_TEST_SUITE_P(
    Each, Filesystems,
    ::testing::Values(
        Kind{"tmpfs", {"mount -t tmpfs tensorhold FOLDER/m"}},
        Kind{
            "overlayfs",
            {"mount -t tmpfs tensorhold FOLDER/m", "mkdir FOLDER/m/low FOLDER/m/up FOLDER/m/work",
             "mount -t overlay -o lowerdir=FOLDER/m/low,upperdir=FOLDER/m/up,workdir=FOLDER/m/work "
             "tensorhold FOLDER/m"}},
        on_a_disk("ext4", "mkfs.ext4 -q", "64M"), on_a_disk("xfs", "mkfs.xfs -q", "320M"),
        on_a_disk("btrfs", "mkfs.btrfs -q", "128M")),
    [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace tensorhold
