// A mounted lockfs never outlives its test.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "support/lockfs.hpp"

namespace tensorhold::test {
namespace {

bool mounted_at(const std::string& path) {
  std::ifstream mounts("/proc/self/mounts");
  for (std::string line; std::getline(mounts, line);)
    if (line.find(" " + path + " ") != std::string::npos) return true;
  return false;
}

bool soon(const std::function<bool()>& condition) {
  for (int tries = 0; tries < 12'000; ++tries) {
    if (condition()) return true;
    ::usleep(5000);
  }
  return false;
}

TEST(Mount, EndsWithTheObject) {
  TENSORHOLD_NEEDS_LOCKFS();
  std::string path;
  {
    const LockFs fs;
    path = fs.path().string();
    EXPECT_TRUE(mounted_at(path));
  }
  EXPECT_FALSE(mounted_at(path));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Mount, EndsWithFilesStillOpenAndMapped) {
  TENSORHOLD_NEEDS_LOCKFS();
  auto fs = std::make_unique<LockFs>();
  const std::string path = fs->path().string();
  write_file(*fs / "file", std::string(5000, 'a'));
  const int file = ::open((*fs / "file").c_str(), O_RDONLY);
  void* const mapped = ::mmap(nullptr, 5000, PROT_READ, MAP_SHARED, file, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  fs.reset();
  EXPECT_FALSE(mounted_at(path));
  char byte = 0;
  EXPECT_EQ(::pread(file, &byte, 1, 0), -1);
  EXPECT_EQ(::munmap(mapped, 5000), 0);
  (void)::close(file);
}

TEST(Mount, EndsWhenTheTestIsKilled) {
  TENSORHOLD_NEEDS_LOCKFS();
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const LockFs fs({"--sharing"});
    write_file(fs / "file", "held");
    const int file = ::open((fs / "file").c_str(), O_RDONLY);
    const std::string path = fs.path().string();
    if (file >= 0 && ::write(pipe[1], path.data(), path.size()) > 0)
      for (;;) ::pause();
    ::_exit(1);
  }
  (void)::close(pipe[1]);
  std::string path(4096, '\0');
  const ssize_t got = ::read(pipe[0], path.data(), path.size());
  (void)::close(pipe[0]);
  ASSERT_GT(got, 0);
  path.resize(static_cast<std::size_t>(got));
  EXPECT_TRUE(mounted_at(path));
  EXPECT_EQ(::kill(child, SIGKILL), 0);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(soon([&] { return !mounted_at(path); }));
  std::filesystem::remove_all(std::filesystem::path(path).parent_path());
}

TEST(Mount, EndsWhenTheDaemonIsKilled) {
  TENSORHOLD_NEEDS_LOCKFS();
  const LockFs fs;
  const std::string path = fs.path().string();
  EXPECT_EQ(::kill(fs.daemon(), SIGKILL), 0);
  EXPECT_TRUE(soon([&] { return !mounted_at(path); }));
}

TEST(Mount, FromAShellInTheBackground) {
  TENSORHOLD_NEEDS_LOCKFS();
  const Scratch scratch;
  const std::string mount = scratch / "m";
  std::filesystem::create_directory(mount);
  std::filesystem::create_directory(scratch / "b");
  const std::string lockfs = std::string("'") + TENSORHOLD_LOCKFS + "'";
  const std::string command =
      lockfs + " --sharing --eio-at 7 '" + mount + "' '" + (scratch / "b") + "' --background";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_TRUE(mounted_at(mount));
  EXPECT_NE(read_file(mount + "/.lockfs-control").find("eio-at 7\n"), std::string::npos);
  EXPECT_EQ(std::system(("fusermount3 -u '" + mount + "'").c_str()), 0);
  EXPECT_FALSE(mounted_at(mount));
  EXPECT_NE(std::system((lockfs + " --eio-at many '" + mount + "' /tmp 2>/dev/null").c_str()), 0);
  EXPECT_NE(std::system((lockfs + " onlyone 2>/dev/null").c_str()), 0);
  EXPECT_FALSE(mounted_at(mount));
}

}  // namespace
}  // namespace tensorhold::test
