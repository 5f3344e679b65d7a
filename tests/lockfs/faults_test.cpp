// Every fault that lockfs can inject is seen by a plain caller, starts when it is switched on, and
// ends when it is switched off.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/lockfs.hpp"

namespace tensorhold::test {
namespace {

/// A descriptor, closed at the end.
class Opened {
 public:
  Opened(const std::string& path, int flags) : number_(::open(path.c_str(), flags, 0644)) {}
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() {
    if (number_ >= 0) (void)::close(number_);
  }
  operator int() const { return number_; }  // NOLINT: stands for the number

 private:
  int number_;
};

#define EXPECT_FAILS(call, error) \
  do {                            \
    errno = 0;                    \
    EXPECT_EQ((call), -1);        \
    EXPECT_EQ(errno, error);      \
  } while (false)

class Faults : public ::testing::Test {
 protected:
  void SetUp() override {
    TENSORHOLD_NEEDS_LOCKFS();
    fs.emplace();
    path = *fs / "file";
    write_file(path, std::string(300'000, 'a'));
  }
  ssize_t read_at(off_t offset, std::size_t size) const {
    std::vector<char> bytes(size);
    const Opened file(path, O_RDONLY);
    return ::pread(file, bytes.data(), size, offset);
  }

  std::optional<LockFs> fs;
  std::string path;
};

TEST_F(Faults, NoMmap) {
  const auto map = [&](int flags) {
    const Opened file(path, O_RDONLY);
    return ::mmap(nullptr, 4096, PROT_READ, flags, file, 0);
  };
  fs->set("no-mmap");
  EXPECT_EQ(map(MAP_SHARED), MAP_FAILED);
  EXPECT_EQ(errno, ENODEV);
  EXPECT_EQ(read_at(0, 300'000), 300'000);
  fs->set("no-mmap", "off");
  void* const mapped = map(MAP_SHARED);
  ASSERT_NE(mapped, MAP_FAILED);
  EXPECT_EQ(*static_cast<const char*>(mapped), 'a');
  EXPECT_EQ(::munmap(mapped, 4096), 0);
}

TEST_F(Faults, NoTruncate) {
  fs->set("no-truncate");
  EXPECT_FAILS(::truncate(path.c_str(), 5), EPERM);
  EXPECT_FAILS(::truncate(path.c_str(), 400'000), EPERM);
  EXPECT_FAILS(int{Opened(path, O_WRONLY | O_TRUNC)}, EPERM);
  const Opened file(path, O_RDWR);
  EXPECT_FAILS(::ftruncate(file, 5), EPERM);
  const Opened created(*fs / "new", O_WRONLY | O_CREAT | O_TRUNC);
  EXPECT_GE(int{created}, 0);
  fs->set("no-truncate", "off");
  EXPECT_EQ(::ftruncate(file, 5), 0);
}

TEST_F(Faults, NoRename) {
  const std::string there = *fs / "there";
  fs->set("no-rename");
  EXPECT_FAILS(::rename(path.c_str(), there.c_str()), EPERM);
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  fs->set("no-rename", "off");
  EXPECT_EQ(::rename(path.c_str(), there.c_str()), 0);
}

TEST_F(Faults, NoPreallocate) {
  const Opened file(path, O_RDWR);
  EXPECT_EQ(::fallocate(file, 0, 0, 400'000), 0);
  fs->set("no-preallocate");
  EXPECT_FAILS(::fallocate(file, 0, 0, 500'000), EOPNOTSUPP);
}

TEST_F(Faults, NoAttributes) {
  fs->set("no-attributes");
  EXPECT_FAILS(::chmod(path.c_str(), 0600), EPERM);
  EXPECT_FAILS(::chown(path.c_str(), ::geteuid(), ::getegid()), EPERM);
  EXPECT_FAILS(::utimensat(AT_FDCWD, path.c_str(), nullptr, 0), EPERM);
  fs->set("no-attributes", "off");
  EXPECT_EQ(::chmod(path.c_str(), 0600), 0);
}

TEST_F(Faults, FsyncAndClose) {
  const Opened file(path, O_RDWR);
  const Opened folder(fs->path(), O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(::fsync(file), 0);
  EXPECT_EQ(::fsync(folder), 0);
  fs->set("eio-fsync");
  EXPECT_FAILS(::fsync(file), EIO);
  EXPECT_FAILS(::fdatasync(file), EIO);
  EXPECT_EQ(::fsync(folder), 0);
  fs->set("eio-fsync", "off");
  fs->set("eio-fsyncdir");
  EXPECT_EQ(::fsync(file), 0);
  EXPECT_FAILS(::fsync(folder), EIO);
  fs->set("no-fsync");
  EXPECT_FAILS(::fsync(file), EINVAL);
  EXPECT_FAILS(::fsync(folder), EINVAL);
  fs->set("eio-close");
  EXPECT_FAILS(::close(::open(path.c_str(), O_RDONLY)), EIO);
}

TEST_F(Faults, ReadsOfOneByteFail) {
  fs->set("no-mmap");  // without the page cache a read asks for its own bytes only
  fs->set("eio-at", 200'000);
  EXPECT_EQ(read_at(0, 200'000), 200'000);
  EXPECT_FAILS(read_at(200'000, 1), EIO);
  EXPECT_FAILS(read_at(190'000, 10'001), EIO);
  EXPECT_EQ(read_at(200'001, 99'999), 99'999);
  fs->set("eio-at", "off");
  EXPECT_EQ(read_at(200'000, 1), 1);
}

TEST_F(Faults, WritesOfOneByteFail) {
  fs->set("eio-write-at", 10);
  const Opened file(path, O_RDWR);
  EXPECT_EQ(::pwrite(file, "0123456789", 10, 0), 10);
  EXPECT_FAILS(::pwrite(file, "x", 1, 10), EIO);
  EXPECT_EQ(::pwrite(file, "x", 1, 11), 1);
  EXPECT_EQ(read_file(path).substr(0, 12), "0123456789ax");
}

TEST_F(Faults, ADiskOfNBytesIsFull) {
  fs->set("enospc-after", 1000);
  const std::string bytes(600, 'b');
  const Opened file(path, O_RDWR);
  EXPECT_FAILS(::fallocate(file, 0, 0, 1001), ENOSPC);
  EXPECT_EQ(::pwrite(file, bytes.data(), 600, 0), 600);
  EXPECT_EQ(::pwrite(file, bytes.data(), 600, 600), 400);
  EXPECT_FAILS(::pwrite(file, bytes.data(), 600, 1000), ENOSPC);
  EXPECT_EQ(read_file(path).substr(990, 20), "bbbbbbbbbbaaaaaaaaaa");
  fs->set("enospc-after", 10);  // counted from here
  EXPECT_EQ(::pwrite(file, bytes.data(), 600, 0), 10);
  fs->set("enospc-after", "off");
  EXPECT_EQ(::pwrite(file, bytes.data(), 600, 0), 600);
}

TEST_F(Faults, ShortReadsAndWrites) {
  fs->set("short-reads");
  EXPECT_EQ(read_at(0, 1000), 500);
  EXPECT_EQ(read_at(0, 1), 1);
  fs->set("short-writes");
  const Opened file(path, O_RDWR);
  EXPECT_EQ(::pwrite(file, "12345", 5, 0), 3);
  EXPECT_EQ(::pwrite(file, "1", 1, 0), 1);
}

TEST_F(Faults, EveryNthRequestIsInterrupted) {
  fs->set("no-mmap");
  const Opened file(path, O_RDWR);
  fs->set("eintr-every", 2);
  int interrupted = 0;
  for (int i = 0; i < 10; ++i) {
    char byte = 0;
    const ssize_t got = ::pread(file, &byte, 1, i);
    interrupted += got < 0 && errno == EINTR ? 1 : 0;
  }
  EXPECT_EQ(interrupted, 5);
  fs->set("eintr-every", 1);
  EXPECT_FAILS(::pwrite(file, "x", 1, 0), EINTR);
  EXPECT_FAILS(::fsync(file), EINTR);
  EXPECT_FAILS(int{Opened(path, O_RDONLY)}, EINTR);
  EXPECT_FAILS(int{Opened(*fs / "new", O_WRONLY | O_CREAT)}, EINTR);
  EXPECT_FAILS(::access((*fs / "new").c_str(), F_OK), ENOENT);
}

TEST_F(Faults, AReadThatTakesLongHoldsUpNobodyElse) {
  constexpr std::uint64_t hour_us = 3'600'000'000;
  fs->set("no-mmap");
  fs->set("latency-us", hour_us);
  std::thread slow([&] { EXPECT_EQ(read_at(0, 10), 10); });
  while (fs->stats("file").reads == 0) std::this_thread::yield();
  EXPECT_EQ(::rename(path.c_str(), (*fs / "moved").c_str()), 0);
  EXPECT_EQ(fs->stats("file").held, 1U);
  EXPECT_EQ(fs->stats("file").bytes_read, 0U);
  fs->set("latency-us", "off");  // the read ends now
  slow.join();
  EXPECT_EQ(fs->stats("file").bytes_read, 10U);
}

TEST_F(Faults, CountsOfRequests) {
  fs->set("no-mmap");
  { const std::ofstream reset(*fs / ".lockfs-stats", std::ios::trunc); }
  EXPECT_EQ(read_at(10, 50), 50);
  const LockFs::Counts counts = fs->stats("file");
  EXPECT_EQ(counts.opens, 1U);
  EXPECT_EQ(counts.reads, 1U);
  EXPECT_EQ(counts.bytes_read, 50U);
  EXPECT_EQ(counts.writes, 0U);
  write_file(*fs / "other", "12345");
  EXPECT_EQ(fs->stats("other").bytes_written, 5U);
  EXPECT_EQ(fs->stats().opens, 2U);
  EXPECT_EQ(fs->stats().bytes_written, 5U);
}

TEST_F(Faults, TheControlFileRefusesWhatItDoesNotKnowWhole) {
  EXPECT_THROW(fs->set("no-such-switch"), std::runtime_error);
  EXPECT_THROW(fs->set("sharing", "yes"), std::runtime_error);
  EXPECT_THROW(fs->set("eio-at", "on"), std::runtime_error);
  EXPECT_THROW(fs->set("sharing on\nnonsense", "off"), std::runtime_error);
  const std::string all = read_file(*fs / ".lockfs-control");
  EXPECT_NE(all.find("sharing off\n"), std::string::npos);
  fs->set("sharing on\neio-at", 5);
  EXPECT_NE(read_file(*fs / ".lockfs-control").find("sharing on\n"), std::string::npos);
  EXPECT_NE(read_file(*fs / ".lockfs-control").find("eio-at 5\n"), std::string::npos);
}

TEST(Switches, EachIsTakenOnTheCommandLineAndSetsItselfAlone) {
  TENSORHOLD_NEEDS_LOCKFS();
  const std::string off = read_file(LockFs() / ".lockfs-control");
  for (const std::string flag :
       {"sharing",        "deny-write",     "no-mmap",        "no-truncate",      "no-rename",
        "no-preallocate", "no-attributes",  "no-fsync",       "eio-fsync",        "fsync-loses",
        "eio-fsyncdir",   "eio-close",      "short-reads",    "short-writes",     "scanner-us 5",
        "eio-at 5",       "eio-write-at 5", "enospc-after 5", "eintr-every 1000", "latency-us 5"}) {
    const std::string name = flag.substr(0, flag.find(' '));
    std::vector<std::string> words{"--" + name};
    if (name != flag) words.push_back(flag.substr(name.size() + 1));
    std::string expected = off;
    const std::size_t line = ("\n" + expected).find("\n" + name + " off\n");
    ASSERT_NE(line, std::string::npos) << name;
    expected.replace(line, name.size() + 4, name == flag ? name + " on" : flag);
    EXPECT_EQ(read_file(LockFs(words) / ".lockfs-control"), expected);
  }
  EXPECT_EQ(std::ranges::count(off, '\n'), 20) << "a switch that this test does not know";
}

TEST_F(Faults, TheFilesOfLockfsAreNoEntriesOfTheFolder) {
  EXPECT_EQ(Scratch::names_in(fs->path()), std::vector<std::string>{"file"});
}

}  // namespace
}  // namespace tensorhold::test
