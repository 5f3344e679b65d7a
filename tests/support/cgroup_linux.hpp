// A control group of a test's own, for what a container is charged and for its limits.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>

namespace tensorhold::test {

/// A child of the group that this process is in, version 1 or 2; gone at its end, when no process
/// is in it any more.
class MemoryGroup {
 public:
  MemoryGroup() {
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {  // number:controllers:group
      const std::size_t first = line.find(':');
      const std::size_t second = line.find(':', first + 1);
      const std::string controllers = line.substr(first + 1, second - first - 1);
      const std::string group = line.substr(second + 1);
      if (controllers == "memory") make("/sys/fs/cgroup/memory", group, "memory.usage_in_bytes");
      if (controllers.empty()) make("/sys/fs/cgroup", group, "memory.current");
      if (good()) return;
    }
  }
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;
  ~MemoryGroup() { remove(); }

  /// False: this user or machine cannot have one.
  [[nodiscard]] bool good() const { return !folder_.empty(); }
  /// Moves this process into it.
  [[nodiscard]] bool enter() const { return put("cgroup.procs", std::to_string(::getpid())); }
  [[nodiscard]] bool limit(std::uint64_t bytes) const {
    return put(version_1() ? "memory.limit_in_bytes" : "memory.max", std::to_string(bytes));
  }
  /// What it is charged, the file cache that its processes filled among it.
  [[nodiscard]] std::uint64_t charged() const {
    std::uint64_t bytes = 0;
    std::ifstream(folder_ / usage_) >> bytes;
    return bytes;
  }

 private:
  [[nodiscard]] bool version_1() const { return usage_ == "memory.usage_in_bytes"; }
  void make(const std::filesystem::path& mount, const std::string& group, const char* usage) {
    const std::string name = "tensorhold-test-" + std::to_string(::getpid());
    for (const auto& parent : {mount / group.substr(1), mount}) {
      std::error_code error;
      if (!std::filesystem::create_directory(parent / name, error)) continue;
      folder_ = parent / name;
      usage_ = usage;
      if (std::filesystem::exists(folder_ / usage_, error)) return;
      remove();
    }
  }
  void remove() {
    std::error_code ignored;
    if (!folder_.empty())
      std::filesystem::remove(folder_, ignored);  // rmdir; its files are no files
    folder_.clear();
  }
  [[nodiscard]] bool put(const std::string& file, const std::string& text) const {
    std::ofstream out(folder_ / file);
    out << text << std::flush;
    return out.good();
  }

  std::filesystem::path folder_;
  std::string usage_;
};

}  // namespace tensorhold::test

/// Skips the test, with the reason, where no group can be made.
#define TENSORHOLD_NEEDS_MEMORY_GROUP(group)                                                     \
  do {                                                                                           \
    if (!(group).good()) GTEST_SKIP() << "no control group for memory can be made by this user"; \
  } while (false)
