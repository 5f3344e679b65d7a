// Text of /proc, well-formed and not.
#include "os/process/proc_linux.hpp"

#include <gtest/gtest.h>

namespace tensorhold::os {
namespace {

TEST(MapsLine, HasTheFileAndIgnoresItsPath) {
  const auto line =
      parse_maps_line("7f01a000-7f01c000 r--p 00002000 fd:1b 1234567   /tmp/a b\\012c (deleted)");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->begin, 0x7f01a000U);
  EXPECT_EQ(line->end, 0x7f01c000U);
  EXPECT_EQ(line->device_major, 0xfdU);
  EXPECT_EQ(line->device_minor, 0x1bU);
  EXPECT_EQ(line->inode, 1234567U);
}

TEST(MapsLine, OfNoFileHasInodeZero) {
  const auto line = parse_maps_line("7ffc0000-7ffc2000 rw-p 00000000 00:00 0 ");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->inode, 0U);
}

TEST(MapsLine, WhatIsNoneIsRefused) {
  for (const char* const text :
       {"", "-", "12-", "12-34", "12-34 r--p", "12-34 r--p 0 08", "12-34 r--p 0 08:01",
        "34-12 r--p 0 08:01 5", "x", "fffffffffffffffff-1 r--p 0 08:01 5"})
    EXPECT_FALSE(parse_maps_line(text)) << text;
}

TEST(FdInfo, TellsPathHandlesAndLocks) {
  EXPECT_TRUE(parse_fdinfo("pos:\t0\nflags:\t012100000\n", 7).path_only);
  const auto locked = [](const char* text) {
    return parse_fdinfo(std::string("pos:\t0\nflags:\t0100000\nmnt_id:\t2\n") + text, 7).locks;
  };
  EXPECT_TRUE(locked("lock:\t1: OFDLCK ADVISORY  WRITE -1 08:01:5 7 7\n"));
  EXPECT_TRUE(
      locked("lock:\t1: POSIX  ADVISORY  READ 12 08:01:5 0 9\n"
             "lock:\t2: OFDLCK ADVISORY  READ -1 08:01:5 7 EOF\n"));
  EXPECT_FALSE(locked("lock:\t1: OFDLCK ADVISORY  WRITE -1 08:01:5 8 8\n"));
  EXPECT_FALSE(locked("lock:\t1: POSIX  ADVISORY  WRITE 12 08:01:5 7 7\n"));
  EXPECT_FALSE(locked("lock:"));
  EXPECT_FALSE(parse_fdinfo("", 7).path_only);
}

TEST(ProcessStat, OfWhatCannotHold) {
  EXPECT_TRUE(cannot_hold("12 (a) ) Z 1 12 12 0 -1 4227084 0"));
  EXPECT_TRUE(cannot_hold("12 (kworker/0:1) I 2 0 0 0 -1 69238880 0"));
  EXPECT_FALSE(cannot_hold("12 (x Z 1) S 1 12 12 0 -1 4194304 0"));
  EXPECT_FALSE(cannot_hold(""));
  EXPECT_FALSE(cannot_hold("12 ("));
}

TEST(Printable, KeepsUtf8AndNothingElse) {
  EXPECT_EQ(printable("caf\xC3\xA9 \xE6\xBC\xA2"), "caf\xC3\xA9 \xE6\xBC\xA2");
  EXPECT_EQ(printable("a\nb\x1B[c\x7F"), "a?b?[c?");
  EXPECT_EQ(printable("cut \xE6\xBC"), "cut ??");
  EXPECT_EQ(printable("\xC0\xAF\xED\xA0\x80\xF4\x90\x80\x80"), "?????????");
}

}  // namespace
}  // namespace tensorhold::os
