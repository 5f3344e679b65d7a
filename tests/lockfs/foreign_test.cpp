// A program that knows nothing of lockfs or of this library, Python's mmap module, meets the rig.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>

#include "support/lockfs.hpp"

namespace tensorhold::test {
namespace {

std::string output_of(const std::string& script, const std::string& argument) {
  const Scratch scratch;
  write_file(scratch / "script.py", script);
  const std::string command = std::string("'") + TENSORHOLD_PYTHON + "' '" +
                              (scratch / "script.py") + "' '" + argument + "' 2>&1";
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return "no process";
  std::string text;
  std::array<char, 4096> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) text += buffer.data();
  (void)::pclose(pipe);
  return text;
}

constexpr const char* kStory = R"(
import errno, mmap, os, sys
folder = sys.argv[1]
path = folder + "/weights"

def attempt(what, call):
    try:
        call()
        print(what, "done")
    except OSError as error:
        print(what, errno.errorcode[error.errno])

def overwrite():
    open(path, "wb").close()

with open(path, "wb") as file:
    file.write(b"x" * 100000)
with open(folder + "/new", "wb") as file:
    file.write(b"y")
with open(path, "rb") as file:
    view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
attempt("unlink", lambda: os.unlink(path))
attempt("replace", lambda: os.replace(folder + "/new", path))
attempt("truncate", lambda: os.truncate(path, 1))
attempt("open wb", overwrite)
print("bytes", view[:1] + view[-1:])
view.close()
attempt("replace", lambda: os.replace(folder + "/new", path))
attempt("unlink", lambda: os.unlink(path))
)";

TEST(Foreign, APlainMmapBlocksUntilItIsClosed) {
  TENSORHOLD_NEEDS_LOCKFS();
  if (std::string(TENSORHOLD_PYTHON).empty()) GTEST_SKIP() << "no Python";
  const LockFs fs({"--sharing"});
  EXPECT_EQ(output_of(kStory, fs.path().string()),
            "unlink EACCES\nreplace EACCES\ntruncate EBUSY\nopen wb EBUSY\nbytes b'xx'\n"
            "replace done\nunlink done\n");
}

TEST(Foreign, WithoutTheSwitchNothingIsBlocked) {
  TENSORHOLD_NEEDS_LOCKFS();
  if (std::string(TENSORHOLD_PYTHON).empty()) GTEST_SKIP() << "no Python";
  const LockFs fs;
  const std::string said = output_of(kStory, fs.path().string());
  EXPECT_EQ(said.substr(0, said.find('\n')), "unlink done");
}

TEST(Foreign, TheMappingOfAnotherProcessHoldsUntilThatProcessEnds) {
  TENSORHOLD_NEEDS_LOCKFS();
  if (std::string(TENSORHOLD_PYTHON).empty()) GTEST_SKIP() << "no Python";
  const LockFs fs({"--sharing"});
  const std::string path = fs / "weights";
  write_file(path, std::string(5000, 'x'));
  const Scratch scratch;
  write_file(scratch / "script.py",
             "import mmap, sys\n"
             "with open(sys.argv[1], 'rb') as file:\n"
             "    view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)\n"
             "print('mapped', flush=True)\n"
             "sys.stdin.read()\n");
  // It waits for its standard input, which ends with the pclose().
  const std::string mapped = scratch / "mapped";
  const std::string command = std::string("'") + TENSORHOLD_PYTHON + "' '" +
                              (scratch / "script.py") + "' '" + path + "' >'" + mapped + "'";
  FILE* const process = ::popen(command.c_str(), "w");
  ASSERT_NE(process, nullptr);
  for (int tries = 0; tries < 2000 && !read_file(mapped).ends_with('\n'); ++tries) ::usleep(5000);
  EXPECT_EQ(read_file(mapped), "mapped\n");
  EXPECT_EQ(::unlink(path.c_str()), -1);
  EXPECT_EQ(errno, EACCES);
  EXPECT_EQ(::pclose(process), 0);
  EXPECT_EQ(::unlink(path.c_str()), 0);
}

}  // namespace
}  // namespace tensorhold::test
