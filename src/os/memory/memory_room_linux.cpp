// Field names and what they count: proc(5); Documentation/admin-guide/cgroup-v1/memory.rst and
// cgroup-v2.rst of the Linux kernel.
#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "os/memory/memory_room.hpp"

namespace tensorhold::os {
namespace {

std::optional<std::uint64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  if (!(file >> value)) return std::nullopt;  // absent, or "max"
  return value;
}

/// Sum of fields of a file of "name value" lines; absent ones count as 0.
template <std::size_t N>
std::uint64_t sum_of_fields(const std::string& path, const std::string_view (&names)[N]) {
  std::ifstream file(path);
  std::uint64_t sum = 0;
  std::string name;
  for (std::uint64_t value = 0; file >> name >> value;)
    if (std::ranges::find(names, name) != std::end(names)) sum += value;
  return sum;
}

void tighten(std::optional<MemoryRoom>& room, std::uint64_t bytes, const std::string& limited_by) {
  if (!room || bytes < room->bytes) room = MemoryRoom{bytes, limited_by};
}

void consider_machine(const std::string& root, std::optional<MemoryRoom>& room) {
  std::ifstream file(root + "proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string name;
    std::uint64_t kibibytes = 0;
    if (fields >> name >> kibibytes && name == "MemAvailable:")
      return tighten(room, kibibytes * 1024, "the machine's free memory");
  }
}

struct Version {
  std::string_view limit;
  std::string_view kernel;  ///< file with the kernel's memory of the group; empty: in memory.stat
};
constexpr Version v1{"memory.limit_in_bytes", "memory.kmem.usage_in_bytes"};
constexpr Version v2{"memory.max", ""};

/// What the group cannot give back.
std::uint64_t used_by(const std::string& group, const Version& version) {
  if (version.kernel.empty())
    return sum_of_fields(group + "/memory.stat", {"anon", "shmem", "unevictable", "kernel"});
  return sum_of_fields(group + "/memory.stat", {"total_rss", "total_shmem", "total_unevictable"}) +
         number_in(group + "/" + std::string(version.kernel)).value_or(0);
}

/// The group and every group above it, up to where the hierarchy is mounted.
void consider_groups(const std::string& mount, std::string group, const Version& version,
                     std::optional<MemoryRoom>& room) {
  for (;;) {
    const std::string folder = mount + (group == "/" ? "" : group);
    if (const auto limit = number_in(folder + "/" + std::string(version.limit))) {
      const std::uint64_t used = used_by(folder, version);
      tighten(room, *limit - std::min(*limit, used), "the memory limit of control group " + group);
    }
    if (group.empty() || group == "/") return;
    group.resize(group.rfind('/'));
    if (group.empty()) group = "/";
  }
}

struct Hierarchy {
  std::string mount;  ///< where it is mounted
  std::string root;   ///< which group is at the mount's top
};

/// Where the memory controller (v1), or the unified hierarchy (v2), is mounted.
std::optional<Hierarchy> find_hierarchy(const std::string& root, bool unified) {
  std::ifstream file(root + "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream left(line);
    std::istringstream right(line.substr(dash + 3));
    std::string skip;
    Hierarchy found;
    std::string type;
    std::string options;
    left >> skip >> skip >> skip >> found.root >> found.mount;
    right >> type >> skip >> options;
    const bool memory = ("," + options + ",").find(",memory,") != std::string::npos;
    if (unified ? type == "cgroup2" : type == "cgroup" && memory) return found;
  }
  return std::nullopt;
}

/// `group` as seen below a mount whose top is the group `top`.
std::string below(const std::string& group, const std::string& top) {
  if (top == "/" || !group.starts_with(top)) return group;
  const std::string rest = group.substr(top.size());
  return rest.empty() ? "/" : rest;
}

void consider_all_groups(const std::string& root, std::optional<MemoryRoom>& room) {
  std::ifstream file(root + "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // number:controllers:group
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool unified = controllers == ",,";
    if (!unified && controllers.find(",memory,") == std::string::npos) continue;
    if (const auto hierarchy = find_hierarchy(root, unified))
      consider_groups(root + hierarchy->mount.substr(1),
                      below(line.substr(second + 1), hierarchy->root), unified ? v2 : v1, room);
  }
}

}  // namespace

std::optional<MemoryRoom> memory_room_under(const std::string& root) noexcept {
  try {
    std::optional<MemoryRoom> room;
    consider_machine(root, room);
    consider_all_groups(root, room);
    return room;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::optional<MemoryRoom> memory_room() noexcept { return memory_room_under("/"); }

}  // namespace tensorhold::os
