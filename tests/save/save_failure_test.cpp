// Failures of save, each made by the system itself: full disks, rights, limits, refused calls.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "../support/child_posix.hpp"
#include "../support/refuse_linux.hpp"
#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "os/file/file.hpp"
#include "os/file/mapping.hpp"
#include "tensorhold/save.hpp"

namespace tensorhold {
namespace {

using test::Scratch;
using test::some_tensors;
using test::Tensors;
namespace fs = std::filesystem;

// The code of the save's failure, or "saved".
std::string outcome(const std::string& path, const Tensors& tensors,
                    const SaveOptions& options = {}) {
  const Result<void> result = try_save(path, tensors.list(), std::nullopt, options);
  return result ? "saved" : std::string(to_string(result.error().code()));
}

std::string expect(const std::string& found, const std::string& wanted) {
  return found == wanted ? "" : "expected " + wanted + ", found " + found;
}

// A file, in a folder of its own, that a save is tried on.
struct Old {
  Scratch scratch;
  std::string path = scratch / "f";
  Old() { test::write_file(path, "old"); }
  void expect_whole() const {
    EXPECT_EQ(test::read_file(path), "old");
    EXPECT_EQ(scratch.names(), std::vector<std::string>{"f"});
  }
};

TEST(SaveFailure, WithoutTheRightToWriteInTheFolder) {
  const Old old;
  ASSERT_EQ(::chmod(old.scratch.folder().c_str(), 0555), 0);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!test::drop_root()) return "skip: cannot give up root";
    return expect(outcome(old.path, some_tensors(1)), "permission_denied");
  }));
  old.expect_whole();
}

TEST(SaveFailure, InAFolderThatMayBeWrittenButNotReadOnlyTheSyncIsMissed) {
  const Old old;
  ASSERT_EQ(::chmod(old.scratch.folder().c_str(), 0333), 0);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!test::drop_root()) return "skip: cannot give up root";
    return expect(outcome(old.path, some_tensors(1)), "not_durable");
  }));
  ASSERT_EQ(::chmod(old.scratch.folder().c_str(), 0755), 0);
  EXPECT_NE(test::read_file(old.path), "old");
  EXPECT_EQ(old.scratch.names(), std::vector<std::string>{"f"});
}

TEST(SaveFailure, InAStickyFolderOverAnothersFile) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs a file of another owner";
  const Old old;
  ASSERT_EQ(::chmod(old.scratch.folder().c_str(), 01777), 0);
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!test::drop_root()) return "skip: cannot give up root";
    return expect(outcome(old.path, some_tensors(1)), "permission_denied");
  }));
  old.expect_whole();
}

// Runs `body` in a child that has a filesystem of its own mounted at `folder`; returns what it
// says.
std::string on_filesystem(const fs::path& folder, unsigned long flags, const char* options,
                          const std::function<std::string()>& prepare,
                          const std::function<std::string()>& body) {
  return test::in_child([&]() -> std::string {
    if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
      return "skip: no mounts of its own";
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tensorhold-test", folder.c_str(), "tmpfs", 0, options) != 0)
      return "skip: cannot mount";
    const std::string prepared = prepare();
    if (!prepared.empty()) return prepared;
    if (flags != 0 && ::mount("none", folder.c_str(), nullptr, MS_REMOUNT | flags, options) != 0)
      return "skip: cannot remount";
    return body();
  });
}

TEST(SaveFailure, OnAFullDisk) {
  const Old old;
  const std::string path = old.path;
  const auto prepare = [&]() -> std::string {
    test::write_file(path, "old");
    return "";
  };
  const auto body = [&]() -> std::string {
    std::string wrong = expect(outcome(path, some_tensors(1, 2'000'000)), "no_space");
    if (test::read_file(path) != "old") wrong += " the old file changed";
    if (Scratch::names_in(old.scratch.folder()).size() != 1) wrong += " litter";
    return wrong + expect(outcome(path, some_tensors(1, 500'000)), "saved");
  };
  TENSORHOLD_EXPECT_CHILD(on_filesystem(old.scratch.folder(), 0, "size=1m", prepare, body));
  // The same without preallocation, so that the write itself finds out.
  const auto unreserved = [&]() -> std::string {
    return test::refuse(SYS_fallocate, EOPNOTSUPP) ? body() : "skip: no filter";
  };
  TENSORHOLD_EXPECT_CHILD(on_filesystem(old.scratch.folder(), 0, "size=1m", prepare, unreserved));
}

TEST(SaveFailure, OnAReadOnlyFilesystem) {
  const Old old;
  TENSORHOLD_EXPECT_CHILD(on_filesystem(
      old.scratch.folder(), MS_RDONLY, "size=1m",
      [&]() -> std::string {
        test::write_file(old.path, "old");
        return "";
      },
      [&]() -> std::string {
        return expect(outcome(old.path, some_tensors(1)), "permission_denied") +
               expect(test::read_file(old.path), "old");
      }));
}

TEST(SaveFailure, BeyondTheLimitOfFileSizeNoSignalComes) {
  const Old old;
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const rlimit limit{50'000, 50'000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return "skip: no limit";
    return expect(outcome(old.path, some_tensors(1)), "no_space");
  }));
  old.expect_whole();
}

struct Refusal {
  const char* what;
  long call;
  int error;
  const char* outcome;
  bool replaced;  // the new file is in place all the same
};

std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
  return out << refusal.what << " error " << refusal.error;
}

class SaveRefused : public testing::TestWithParam<Refusal> {};

TEST_P(SaveRefused, LeavesTheOldFileOrTheNewOneAndNoLitter) {
  const Refusal& refusal = GetParam();
  const Old old;
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const Tensors tensors = some_tensors(1);
    if (!test::refuse(refusal.call, refusal.error)) return "skip: no filter";
    return expect(outcome(old.path, tensors), refusal.outcome);
  }));
  EXPECT_EQ(old.scratch.names(), std::vector<std::string>{"f"});
  if (!refusal.replaced) {
    EXPECT_EQ(test::read_file(old.path), "old");
    return;
  }
  const Tensors tensors = some_tensors(1);
  const std::vector<std::byte> wanted = save_bytes(tensors.list());
  EXPECT_EQ(test::read_file(old.path),
            std::string(reinterpret_cast<const char*>(wanted.data()), wanted.size()));
}

INSTANTIATE_TEST_SUITE_P(
    EveryStep, SaveRefused,
    testing::Values(Refusal{"openat", SYS_openat, EMFILE, "too_many_open", false},
                    Refusal{"openat", SYS_openat, EIO, "io_error", false},
                    Refusal{"fallocate", SYS_fallocate, ENOSPC, "no_space", false},
                    Refusal{"fallocate", SYS_fallocate, EDQUOT, "no_space", false},
                    Refusal{"fallocate", SYS_fallocate, EOPNOTSUPP, "saved", true},
                    Refusal{"fallocate", SYS_fallocate, ENOSYS, "saved", true},
                    Refusal{"fallocate", SYS_fallocate, EPERM, "saved", true},
                    Refusal{"pwritev", SYS_pwritev, EIO, "io_error", false},
                    Refusal{"pwritev", SYS_pwritev, ENOSPC, "no_space", false},
                    Refusal{"pwritev", SYS_pwritev, EDQUOT, "no_space", false},
                    Refusal{"fchmod", SYS_fchmod, EPERM, "saved", true},
                    Refusal{"fchown", SYS_fchown, EPERM, "saved", true},
                    Refusal{"fcntl", SYS_fcntl, ENOLCK, "saved", true},
                    Refusal{"fcntl", SYS_fcntl, EINVAL, "saved", true},
                    Refusal{"fsync", SYS_fsync, EIO, "io_error", false},
                    Refusal{"fsync", SYS_fsync, ENOSPC, "no_space", false},
                    Refusal{"fsync", SYS_fsync, EINVAL, "not_durable", true},
                    Refusal{"fsync", SYS_fsync, EOPNOTSUPP, "not_durable", true},
                    Refusal{"renameat", SYS_renameat, EIO, "io_error", false},
                    Refusal{"renameat", SYS_renameat, EXDEV, "unsupported", false},
                    Refusal{"renameat", SYS_renameat, ENOSYS, "unsupported", false},
                    Refusal{"renameat", SYS_renameat, EBUSY, "file_in_use", false},
                    Refusal{"renameat", SYS_renameat, EACCES, "file_in_use", false}));

TEST(SaveFailure, PastThePageCacheLeavesTheOldFileOrTheNewOne) {
  for (const auto& [error, wanted] :
       {std::pair{EINVAL, "saved"}, {EIO, "io_error"}, {ENOSPC, "no_space"}}) {
    const Old old;
    TENSORHOLD_EXPECT_CHILD(test::in_child([&, error = error, wanted = wanted]() -> std::string {
      const Tensors tensors = some_tensors(1, 20'000'000);
      // Only writes past the page cache are made by this call, where the filesystem takes them.
      if (!test::refuse(SYS_pwrite64, error)) return "skip: no filter";
      const std::string found = outcome(old.path, tensors);
      if (found == "saved" && error != EINVAL) return "skip: the filesystem has no such writes";
      return expect(found, wanted);
    }));
    EXPECT_EQ(old.scratch.names(), std::vector<std::string>{"f"});
    EXPECT_EQ(test::read_file(old.path) == "old", error != EINVAL);
  }
}

TEST(SaveFailure, LargeMemoryThatIsGoneIsAnErrorThatNamesTheTensor) {
  const Old old;
  const auto page = os::page_size();
  const std::size_t size = 32'000'000 / page * page;
  test::write_file(old.scratch / "source", std::string(size, 's'));
  const os::Mapping mapping = os::Mapping::map(os::File::open_read(old.scratch / "source"), size,
                                               os::Protection::read_only);
  fs::resize_file(old.scratch / "source", size / 2);
  const std::array<std::uint64_t, 1> shape{size - 8};
  for (const std::uint64_t align : {8U, 4096U})
    for (const std::size_t skip : {std::size_t{0}, std::size_t{8}}) {
      const SaveTensor gone("gone", Dtype::u8, shape,
                            std::span<const std::byte>(mapping.data() + skip, size - 8));
      const Result<void> result = try_save(old.path, {&gone, 1}, std::nullopt, {.align = align});
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().code(), Code::truncated) << result.error().what();
      EXPECT_EQ(result.error().tensor(), "gone");
    }
  fs::remove(old.scratch / "source");
  old.expect_whole();
}

TEST(SaveFailure, OfTheFoldersSyncAloneLeavesTheNewFileInPlace) {
  const Old old;
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const Tensors tensors = some_tensors(1);
    // The folder is the first thing that a save opens.
    const int folder = ::dup(0);
    if (folder < 0) return "skip: no descriptor";
    (void)::close(folder);
    if (!test::refuse(SYS_fsync, EIO, folder)) return "skip: no filter";
    return expect(outcome(old.path, tensors), "not_durable") +
           expect(outcome(old.path, tensors, {.durable = false}), "saved");
  }));
  EXPECT_NE(test::read_file(old.path), "old");
  EXPECT_EQ(old.scratch.names(), std::vector<std::string>{"f"});
}

TEST(SaveFailure, OfTheLockLeavesTemporariesOfLivingWritersInPlace) {
  const Old old;
  const std::string other = old.scratch / ".f.tensorhold-1-0123456789abcdef.tmp";
  test::write_file(other, "written by a host that cannot lock either");
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const Tensors tensors = some_tensors(1);
    if (!test::refuse(SYS_fcntl, ENOLCK)) return "skip: no filter";
    return expect(outcome(old.path, tensors), "saved");
  }));
  EXPECT_TRUE(fs::exists(other));
}

// The tensors are pages of the very file that is replaced.
TEST(SaveOver, TheFileThatTheTensorsAreMappedFrom) {
  const Scratch scratch;
  const Tensors tensors = some_tensors(1, 5'000'000);
  save(scratch / "f", tensors.list());
  const std::string before = test::read_file(scratch / "f");
  const os::Mapping mapping = os::Mapping::map(os::File::open_read(scratch / "f"), before.size(),
                                               os::Protection::read_only);
  const auto pages = std::span<const std::byte>(mapping.data(), mapping.size());
  const std::array<std::uint64_t, 1> shape{before.size()};
  const SaveTensor whole("all of it", Dtype::u8, shape, pages);
  save(scratch / "f", std::array{whole});
  const std::string after = test::read_file(scratch / "f");
  ASSERT_GT(after.size(), before.size());
  EXPECT_EQ(after.substr(after.size() - before.size()), before);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(pages.data()), pages.size()), before);
}

TEST(SaveOver, MemoryThatIsGoneIsAnErrorThatNamesTheTensor) {
  const Scratch scratch;
  const auto page = os::page_size();
  test::write_file(scratch / "source", std::string(page * 4, 's'));
  const os::Mapping mapping = os::Mapping::map(os::File::open_read(scratch / "source"), page * 4,
                                               os::Protection::read_only);
  fs::resize_file(scratch / "source", page);
  test::write_file(scratch / "f", "old");
  const std::array<std::uint64_t, 1> shape{page};
  const auto part = [&](std::size_t index) {
    return std::span<const std::byte>(mapping.data() + index * page, page);
  };
  const std::array tensors{SaveTensor("a", Dtype::u8, shape, part(0)),
                           SaveTensor("b", Dtype::u8, shape, part(0)),
                           SaveTensor("gone", Dtype::u8, shape, part(2)),
                           SaveTensor("later", Dtype::u8, shape, part(3))};
  const Result<void> result = try_save(scratch / "f", tensors);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::truncated);
  EXPECT_EQ(result.error().tensor(), "gone");
  EXPECT_EQ(test::read_file(scratch / "f"), "old");
  try {
    (void)save_bytes(tensors);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::truncated);
    EXPECT_EQ(error.tensor(), "gone");
  }
}

}  // namespace
}  // namespace tensorhold
