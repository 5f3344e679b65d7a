// What limits the memory of this process, read from a tree of files like the system's.
#include "os/memory/memory_room.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/scratch.hpp"

namespace tensorhold::os {
namespace {

class MemoryRoomOf : public ::testing::Test {
 protected:
  void put(const std::string& path, const std::string& text) {
    const std::string full = folder_ / path;
    std::filesystem::create_directories(std::filesystem::path(full).parent_path());
    test::write_file(full, text);
  }
  [[nodiscard]] MemoryRoom room() const {
    return memory_room_under(folder_.folder().string() + "/").value_or(MemoryRoom{});
  }
  void put_machine(std::uint64_t available_kib) {
    put("proc/meminfo", "MemTotal: 99999999 kB\nMemFree: 5 kB\nMemAvailable: " +
                            std::to_string(available_kib) + " kB\n");
  }

  test::Scratch folder_;
};

TEST_F(MemoryRoomOf, TheMachine) {
  put_machine(1000);
  EXPECT_EQ(room().bytes, 1'024'000U);
}

TEST_F(MemoryRoomOf, GroupsOfVersion2WithTheirParents) {
  put_machine(1'000'000);
  put("proc/self/cgroup", "0::/outer/inner\n");
  put("proc/self/mountinfo", "30 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n");
  put("sys/fs/cgroup/outer/inner/memory.max", "max\n");
  put("sys/fs/cgroup/outer/memory.max", "1000000\n");
  put("sys/fs/cgroup/outer/memory.stat",
      "anon 100000\nfile 800000\nshmem 20000\nunevictable 3000\nkernel 400\nslab 99999\n");
  EXPECT_EQ(room().bytes, 1'000'000U - 123'400U);
  EXPECT_NE(room().limited_by.find("/outer"), std::string::npos);
}

TEST_F(MemoryRoomOf, GroupsOfVersion1SeenFromInsideAContainer) {
  put_machine(1'000'000);
  put("proc/self/cgroup", "5:devices:/x\n4:cpu,memory:/docker/abc/part\n");
  put("proc/self/mountinfo",
      "1 2 0:1 /docker/abc /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n"
      "3 2 0:3 /docker/abc /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n");
  put("sys/fs/cgroup/memory/part/memory.limit_in_bytes", "9223372036854771712\n");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "500000\n");
  put("sys/fs/cgroup/memory/memory.stat",
      "cache 77\nrss 1\ntotal_rss 200000\ntotal_shmem 1000\ntotal_unevictable 10\n");
  put("sys/fs/cgroup/memory/memory.kmem.usage_in_bytes", "5\n");
  EXPECT_EQ(room().bytes, 500'000U - 201'015U);
}

TEST_F(MemoryRoomOf, AGroupOverItsLimitHasNone) {
  put_machine(1'000'000);
  put("proc/self/cgroup", "0::/\n");
  put("proc/self/mountinfo", "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  put("sys/fs/cgroup/memory.max", "1000\n");
  put("sys/fs/cgroup/memory.stat", "anon 5000\n");
  EXPECT_EQ(room().bytes, 0U);
}

TEST_F(MemoryRoomOf, NothingToldIsNoAnswer) {
  EXPECT_FALSE(memory_room_under(folder_.folder().string() + "/").has_value());
}

TEST(MemoryRoomHere, IsTold) {
  const auto room = memory_room();
  ASSERT_TRUE(room.has_value());
  EXPECT_GT(room->bytes, 0U);
  EXPECT_FALSE(room->limited_by.empty());
}

}  // namespace
}  // namespace tensorhold::os
