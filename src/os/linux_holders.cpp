// Sources: proc(5) for maps, map_files and fd; fcntl(2) for leases.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>

#include "os/holders.hpp"
#include "os/posix_common.hpp"
#include "os/process.hpp"

namespace tensorhold::os {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { (void)::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

bool is_file(const std::string& path, const Identity& identity) noexcept {
  struct ::stat status {};
  return ::stat(path.c_str(), &status) == 0 && to_status(status).identity == identity;
}

/// Whether an entry of the folder is the file; std::nullopt: the folder cannot be read.
std::optional<bool> any_entry_is(const std::string& folder, const Identity& identity) {
  const Folder list(::opendir(folder.c_str()));
  if (!list) return std::nullopt;
  errno = 0;
  while (const dirent* const entry = ::readdir(list.get()))
    if (entry->d_name[0] != '.' && is_file(folder + "/" + entry->d_name, identity)) return true;
  return false;
}

/// A line of maps: "begin-end perms offset major:minor inode   path".
bool maps_line_is(const std::string& line, const Identity& identity, std::string_view path) {
  std::istringstream fields(line);
  std::string skip;
  std::string device;
  std::uint64_t inode = 0;
  if (!(fields >> skip >> skip >> skip >> device >> inode) || inode != identity.file) return false;
  unsigned major_number = 0;
  unsigned minor_number = 0;
  char colon = 0;
  std::istringstream numbers(device);
  numbers >> std::hex >> major_number >> colon >> minor_number;
  if (makedev(major_number, minor_number) == identity.device) return true;
  // btrfs and overlayfs show another device here than stat does: then the name decides.
  return !path.empty() && line.find(path) != std::string::npos;
}

/// Whether the process maps the file; std::nullopt: it may not be looked into.
std::optional<bool> maps_file(const std::string& process, const Identity& identity,
                              const std::string& path) {
  std::ifstream maps(process + "/maps");
  std::string line;
  // Of a process of somebody else the file opens, and reads as empty or not at all.
  if (!maps || !std::getline(maps, line)) return std::nullopt;
  do {
    if (maps_line_is(line, identity, path)) return true;
  } while (std::getline(maps, line));
  return false;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

void look_into(std::int64_t pid, const Identity& identity, const std::string& path,
               OtherHolders& found) {
  const std::string process = "/proc/" + std::to_string(pid);
  const auto mapped = maps_file(process, identity, path);
  const auto open = any_entry_is(process + "/fd", identity);
  if (!mapped || !open) {
    // What ended, and kernel threads, have no command line, and hold nothing.
    const bool alive = !first_line(process + "/cmdline").empty();
    if (alive && !mapped.value_or(false) && !open.value_or(false)) ++found.unseen;
  }
  const auto add = [&](Holder::How how) {
    Holder holder;
    holder.pid = pid;
    holder.command = first_line(process + "/comm");
    holder.how = how;
    found.list.push_back(std::move(holder));
  };
  if (mapped.value_or(false)) return add(Holder::How::mapped);
  if (open.value_or(false)) add(Holder::How::open);
}

// A write lease is granted only on a file that nobody else has open or mapped.
HoldProof ask_lease(const Identity& identity, const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return HoldProof::unknown;
  struct ::stat status {};
  HoldProof proof = HoldProof::unknown;
  if (::fstat(descriptor, &status) == 0 && to_status(status).identity == identity) {
    if (::fcntl(descriptor, F_SETLEASE, F_WRLCK) == 0) {
      proof = HoldProof::free;
      (void)::fcntl(descriptor, F_SETLEASE, F_UNLCK);
    } else if (errno == EAGAIN) {
      proof = HoldProof::held;
    }
  }
  (void)::close(descriptor);
  return proof;
}

}  // namespace

OtherHolders other_holders(const Identity& identity, const std::string& path) {
  OtherHolders found;
  const Folder processes(::opendir("/proc"));
  if (!processes) return {.list = {}, .unseen = 1};
  const std::int64_t self = process_id();
  while (const dirent* const entry = ::readdir(processes.get())) {
    const std::string_view name = entry->d_name;
    std::int64_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc() && end == name.data() + name.size() && pid != self)
      look_into(pid, identity, path, found);
  }
  std::ranges::sort(found.list, {}, &Holder::pid);
  found.proof = ask_lease(identity, path);
  return found;
}

}  // namespace tensorhold::os
