// Which access is chosen: every decision, as a table.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "file/access.hpp"

namespace tensorhold::io {
namespace {

constexpr os::Filesystem ext4{os::Storage::local, "ext4"};
constexpr os::Filesystem unknown{};
constexpr os::Filesystem nfs{os::Storage::network, "NFS"};
constexpr os::Filesystem fuse{os::Storage::process, "FUSE"};

os::MemoryRoom room(std::uint64_t bytes) { return {bytes, "the memory limit of group /g"}; }

struct Row {
  const char* name;
  AccessFacts facts;
  Access access;
  bool may_fall_back;
  const char* why;  ///< is in it
};

TEST(Automatic, IsDecidedFromFacts) {
  using enum Access;
  const std::vector<Row> rows{
      {"local", {.filesystem = ext4, .nbytes = 9}, mapped, true, "(ext4)"},
      {"unknown", {.filesystem = unknown, .nbytes = 9}, mapped, true, "on this machine,"},
      {"local, little memory",
       {.filesystem = ext4, .nbytes = 9, .room = room(8)},
       mapped,
       true,
       "nobody"},
      {"network", {.filesystem = nfs, .nbytes = 9}, owned, false, "(NFS)"},
      {"network, room", {.filesystem = nfs, .nbytes = 9, .room = room(9)}, owned, false, "network"},
      {"network, little memory",
       {.filesystem = nfs, .nbytes = 9, .room = room(8)},
       mapped,
       true,
       "group /g leaves 8"},
      {"FUSE", {.filesystem = fuse, .nbytes = 9}, owned, false, "another process"},
      {"FUSE, little memory",
       {.filesystem = fuse, .nbytes = 9, .room = room(0)},
       mapped,
       true,
       "would break a limit"},
      {"Windows", {.mapping_holds = true, .nbytes = 9}, owned, false, "deleted or replaced"},
      {"Windows, little memory",
       {.mapping_holds = true, .nbytes = 9, .room = room(8)},
       mapped,
       true,
       "although on this system"},
      {"Windows, network",
       {.mapping_holds = true, .filesystem = nfs, .nbytes = 9},
       owned,
       false,
       "deleted or replaced"},
      {"mapped, as asked",
       {.wanted = mapped, .mapping_holds = true, .filesystem = nfs},
       mapped,
       false,
       "as asked"},
      {"owned, as asked",
       {.wanted = owned, .filesystem = ext4, .nbytes = 9, .room = room(1)},
       owned,
       false,
       "as asked"},
  };
  for (const Row& row : rows) {
    const AccessChoice choice = choose_access(row.facts);
    EXPECT_EQ(choice.access, row.access) << row.name;
    EXPECT_EQ(choice.may_fall_back, row.may_fall_back) << row.name;
    EXPECT_NE(choice.why.find(row.why), std::string::npos) << row.name << ": " << choice.why;
    EXPECT_EQ(choice.why.back(), '.') << row.name;
  }
}

TEST(Automatic, MemoryIsOnlyAskedForWhereItDecides) {
  EXPECT_FALSE(needs_room({.filesystem = ext4}));
  EXPECT_FALSE(needs_room({.wanted = Access::owned, .filesystem = nfs}));
  EXPECT_TRUE(needs_room({.filesystem = nfs}));
  EXPECT_TRUE(needs_room({.mapping_holds = true}));
}

}  // namespace
}  // namespace tensorhold::io
