// A release under limits that the system sets: of locked memory, of data, of commit, of a group.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "support/child_posix.hpp"
#include "support/many_tensors.hpp"

namespace tensorhold {
namespace {

namespace fs = std::filesystem;

std::string line_of(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

bool write_line(const std::string& path, const std::string& line) {
  std::ofstream file(path);
  return static_cast<bool>(file << line << std::flush);
}

std::uint64_t status_kib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field)) return std::stoull(line.substr(field.size() + 1));
  return 0;
}

TEST(ReleaseOfLockedMemory, LocksItAgain) {
  const test::ManyTensors made(3, std::size_t{1} << 17);  // 1 MiB each
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const File file = made.open();
    const Tensor first = file.at(0);
    const Tensor last = file.at(2);
    const Tensor view = file.writable(made.name(2));
    // Room for what is locked once, not twice; root would not be limited.
    const rlimit limit{3 << 20, 3 << 20};
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || !test::drop_root())
      return "skip: no limit of locked memory";
    for (const Tensor* tensor : {&last, &view})
      if (::mlock(tensor->bytes().data(), tensor->nbytes()) != 0) return "skip: no mlock";
    const std::uint64_t locked = status_kib("VmLck:");
    if (locked < 2048) return "nothing is locked";
    (void)file.release({.threads = 1});
    if (first.mapped() || view.mapped()) return "not released";
    if (status_kib("VmLck:") != locked)
      return "locked before: " + std::to_string(locked) +
             " KiB, after: " + std::to_string(status_kib("VmLck:"));
    const std::size_t wrong =
        made.wrong_words(first, 0) + made.wrong_words(last, 2) + made.wrong_words(view, 2);
    return wrong == 0 ? "" : "wrong bytes";
  }));
}

TEST(ReleaseUnderALimitOfData, WorksInChunksOrChangesNothing) {
  const test::ManyTensors made(3, std::size_t{16} << 20);  // 128 MiB each
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const File file = made.open();
    const Tensor tensor = file.at(1);
    const auto limit_to = [](std::uint64_t more_mib) {
      const rlimit limit{status_kib("VmData:") * 1024 + (more_mib << 20), RLIM_INFINITY};
      return ::setrlimit(RLIMIT_DATA, &limit) == 0;
    };
    if (!limit_to(20)) return "skip: no limit of data";
    const Result<Released> refused = try_release(made.path(), {.threads = 1});
    if (refused) return "not refused";
    if (refused.error().code() != Code::out_of_memory) return refused.error().what();
    if (!tensor.mapped() || made.wrong_words(file.at(2), 2) != 0) return "something changed";
    if (!limit_to(100)) return "no way back";
    (void)file.release({.threads = 1});
    return made.wrong_words(tensor, 1) == 0 && !tensor.mapped() ? "" : "wrong after release";
  }));
}

/// Strict accounting of commit for the whole machine, taken back by a process of its own, so that
/// nothing that happens here leaves it behind. The limit is far above what anybody here uses.
class StrictCommit {
 public:
  StrictCommit() {
    if (::access(mode, W_OK) != 0 || ::access(ratio, W_OK) != 0 || ::pipe(pipe_.data()) != 0)
      return;
    keeper_ = ::fork();
    if (keeper_ != 0) {
      (void)::close(pipe_[0]);
      strict_ = keeper_ > 0 && write_line(ratio, "10000") && write_line(mode, "2") &&
                line_of(mode) == "2";
      return;
    }
    (void)::setsid();  // a signal to the group of the test does not end it
    (void)::close(pipe_[1]);
    char byte = 0;
    while (::read(pipe_[0], &byte, 1) > 0) {
    }
    (void)write_line(mode, old_mode_);
    (void)write_line(ratio, old_ratio_);
    ::_exit(0);
  }
  StrictCommit(const StrictCommit&) = delete;
  StrictCommit& operator=(const StrictCommit&) = delete;
  ~StrictCommit() {
    if (keeper_ <= 0) return;
    (void)::close(pipe_[1]);
    (void)::waitpid(keeper_, nullptr, 0);
  }
  [[nodiscard]] bool strict() const { return strict_; }

 private:
  static constexpr const char* mode = "/proc/sys/vm/overcommit_memory";
  static constexpr const char* ratio = "/proc/sys/vm/overcommit_ratio";
  const std::string old_mode_ = line_of(mode);
  const std::string old_ratio_ = line_of(ratio);
  std::array<int, 2> pipe_{};
  pid_t keeper_ = 0;
  bool strict_ = false;
};

/// A file of which nearly all is a hole: "a" of 1 MiB, then "b" of `bytes`.
void write_sparse(const std::string& path, std::uint64_t bytes) {
  const std::uint64_t small = 1 << 20;
  std::string header = R"({"a":{"dtype":"U8","shape":[1048576],"data_offsets":[0,1048576]},)"
                       R"("b":{"dtype":"U8","shape":[)" +
                       std::to_string(bytes) + R"(],"data_offsets":[1048576,)" +
                       std::to_string(small + bytes) + "]}}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string text(8, '\0');
  for (std::size_t i = 0; i < 8; ++i)
    text[i] = static_cast<char>(static_cast<std::uint64_t>(header.size()) >> (8 * i));
  text += header;
  const std::uint64_t prefix = text.size();
  test::write_file(path, text + std::string(small, 'a'));
  fs::resize_file(path, prefix + small + bytes);
}

TEST(ReleaseUnderStrictCommit, WorksAsAWholeAndInChunks) {
  const test::ManyTensors made(4, std::size_t{1} << 17);
  const test::Scratch folder;
  const std::string sparse = folder / "sparse.safetensors";
  const std::string total = line_of("/proc/meminfo");  // "MemTotal: N kB"
  const std::uint64_t memory = std::stoull(total.substr(total.find(':') + 1)) * 1024;
  try {
    write_sparse(sparse, memory * 101);  // more than may be committed
  } catch (const fs::filesystem_error& error) {
    GTEST_SKIP() << "no file as long as that: " << error.what();
  }
  const StrictCommit limit;
  if (!limit.strict()) GTEST_SKIP() << "vm.overcommit_memory cannot be set here";
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    const File file = made.open();
    const Tensor tensor = file.at(1);
    const Tensor view = file.writable(made.name(2));
    (void)file.release();
    if (made.wrong_words(tensor, 1) + made.wrong_words(view, 2) != 0) return "wrong bytes";
    if (tensor.mapped() || view.mapped()) return "not released";
    // Its mirror as a whole is more than the limit. Stopped early: nobody else is to be refused.
    const File large = open(sparse, {.access = Access::mapped});
    const Tensor small = large["a"];
    int chunks = 0;
    try {
      (void)large.release({.threads = 1, .progress = [&](std::uint64_t, std::uint64_t) {
                             if (++chunks == 5) throw std::runtime_error("enough");
                           }});
      return "released as a whole";
    } catch (const std::runtime_error&) {
    }
    for (const std::byte byte : small.bytes())
      if (byte != std::byte{'a'}) return "wrong byte";
    return "";
  }));
}

/// A group of this process' own group, with a limit of memory; gone at the end.
class SmallGroup {
 public:
  explicit SmallGroup(std::uint64_t bytes) {
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line) && !made_;) {  // number:controllers:group
      const std::size_t first = line.find(':');
      const std::size_t second = line.find(':', first + 1);
      const std::string controllers = line.substr(first + 1, second - first - 1);
      if (controllers != "memory" && !controllers.empty()) continue;
      const bool old = controllers == "memory";
      folder_ = (old ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup") + line.substr(second + 1) +
                "/tensorhold-test-" + std::to_string(::getpid());
      if (::mkdir(folder_.c_str(), 0700) != 0) continue;
      made_ = write_line(folder_ + (old ? "/memory.limit_in_bytes" : "/memory.max"),
                         std::to_string(bytes));
      if (!made_) (void)::rmdir(folder_.c_str());
    }
  }
  SmallGroup(const SmallGroup&) = delete;
  SmallGroup& operator=(const SmallGroup&) = delete;
  ~SmallGroup() {
    // A group empties a moment after its last process has ended.
    for (int tries = 0; made_ && ::rmdir(folder_.c_str()) != 0 && tries < 1000; ++tries)
      (void)::usleep(1000);
  }
  [[nodiscard]] bool made() const { return made_; }
  /// From now on this process is in the group.
  [[nodiscard]] bool enter() const {
    return write_line(folder_ + "/cgroup.procs", std::to_string(::getpid()));
  }

 private:
  std::string folder_;
  bool made_ = false;
};

TEST(ReleaseInASmallGroup, IsRefusedInsteadOfKilled) {
  const test::ManyTensors made(4, std::size_t{4} << 20);  // 32 MiB each
  const SmallGroup group(std::uint64_t{64} << 20);
  if (!group.made()) GTEST_SKIP() << "no control group can be made here";
  TENSORHOLD_EXPECT_CHILD(test::in_child([&]() -> std::string {
    if (!group.enter()) return "skip: the group cannot be entered";
    const File file = made.open();
    std::vector<Tensor> tensors;
    for (std::size_t i = 0; i < 4; ++i) tensors.push_back(file.at(i));
    const Result<Released> refused = try_release(made.path());
    if (refused) return "not refused";
    if (refused.error().code() != Code::memory_limit) return refused.error().what();
    if (refused.error().reason().find("control group") == std::string::npos)
      return refused.error().what();
    if (!tensors[3].mapped()) return "something changed";
    tensors.resize(1);
    (void)file.release();
    return made.wrong_words(tensors[0], 0) == 0 && !tensors[0].mapped() ? "" : "wrong bytes";
  }));
}

}  // namespace
}  // namespace tensorhold
