// Automatic access where another process answers for the file, with much and with little memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "support/cgroup_linux.hpp"
#include "support/child_posix.hpp"
#include "support/lockfs.hpp"
#include "support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

class AccessOverLockFs : public ::testing::Test {
 protected:
  void SetUp() override {
    TENSORHOLD_NEEDS_LOCKFS();
    fs.emplace();
    path = *fs / "model.safetensors";
    save(path, saved.list(), std::nullopt, {.durable = false});
  }
  /// What is wrong with an open by automatic access that should end there.
  std::string expect(Access access, const std::string& why) const {
    const File file = open(path);
    if (file.access() != access || file.why().find(why) == std::string::npos)
      return file.why() + " instead of " + why;
    const Tensor tensor = file["scalar"];
    return test::same_bytes(tensor.bytes(), saved.list()[0].bytes) ? "" : "wrong bytes";
  }

  std::optional<test::LockFs> fs;
  std::string path;
  const test::Tensors saved = test::some_tensors(1, 40 * mebibyte);
};

TEST_F(AccessOverLockFs, OwnsWhateverItsHabits) {
  for (const char* habit : {"", "no-mmap", "latency-us"}) {
    if (*habit != '\0') fs->set(habit, habit == std::string("latency-us") ? "500" : "on");
    EXPECT_EQ(expect(Access::owned, "(FUSE)"), "");
  }
}

TEST_F(AccessOverLockFs, MapsWhereOwningWouldBreakTheLimitOfItsContainer) {
  const test::MemoryGroup group;
  TENSORHOLD_NEEDS_MEMORY_GROUP(group);
  ASSERT_TRUE(group.limit(32 * mebibyte));
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!group.enter()) return "skip: no way into the group";
    const std::string wrong = expect(Access::mapped, "would break a limit");
    if (!wrong.empty()) return wrong;
    // Asked for, it is refused before it begins; the container lives.
    const File file = open(path, {.access = Access::owned});
    Plan plan(file);
    plan.add_all();
    const Result<std::vector<Tensor>> loaded = plan.try_load();
    if (loaded) return "loaded";
    if (loaded.error().code() != Code::memory_limit) return loaded.error().what();
    const std::vector<std::string_view> names{"large", "scalar"};
    if (file.prefetch(names) != 0) return "read ahead beyond the limit";
    return "";
  }));
}

}  // namespace
}  // namespace tensorhold
