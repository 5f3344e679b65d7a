#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "os/file/descriptor_posix.hpp"
#include "os/file/mapping.hpp"
#include "os/holders/holders.hpp"
#include "os/lock/lock.hpp"
#include "os/process/proc_linux.hpp"

namespace tensorhold::os {
namespace {

/// Owns a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  ~Descriptor() {
    if (number_ >= 0) (void)::close(number_);
  }
  [[nodiscard]] int get() const noexcept { return number_; }
  [[nodiscard]] explicit operator bool() const noexcept { return number_ >= 0; }
  [[nodiscard]] int take() noexcept { return std::exchange(number_, -1); }

 private:
  int number_;
};

Descriptor open_in(int folder, const char* name, int flags = O_RDONLY) noexcept {
  return Descriptor(::openat(folder, name, flags | O_CLOEXEC | O_NONBLOCK));
}

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { (void)::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

Folder open_folder(int parent, const char* name) noexcept {
  Descriptor descriptor = open_in(parent, name, O_RDONLY | O_DIRECTORY);
  if (!descriptor) return nullptr;
  DIR* const folder = ::fdopendir(descriptor.get());
  if (folder != nullptr) (void)descriptor.take();
  return Folder(folder);
}

std::optional<std::int64_t> number_in(std::string_view name) noexcept {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return number;
}

/// The first bytes of a small file; empty when it cannot be read.
std::string read_small(int folder, const char* name) {
  const Descriptor file = open_in(folder, name);
  std::string text(4096, '\0');
  std::size_t size = 0;
  while (file && size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

/// Calls `use(line)` for the lines of an open file; 0, or the errno of the read that failed.
template <class Use>
int for_each_line(int file, Use use) {
  std::string text;
  std::array<char, 16384> block{};
  for (;;) {
    const ssize_t got = ::read(file, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 ? errno : 0;
    text.append(block.data(), static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
      use(std::string_view(text).substr(begin, end - begin));
    text.erase(0, begin);
  }
}

bool is_refusal(int error) noexcept { return error == EACCES || error == EPERM; }

/// How /proc/PID/maps writes the file: not by the device that stat tells, where the filesystem has
/// devices of its own (btrfs) or lies over others (overlayfs).
struct MapsName {
  std::uint64_t device_major = 0;
  std::uint64_t device_minor = 0;
  std::uint64_t inode = 0;
  [[nodiscard]] bool names(const MapsLine& line) const noexcept {
    return line.inode == inode && line.device_major == device_major &&
           line.device_minor == device_minor;
  }
};

/// The file's name in maps, found by mapping it: the system's own answer.
MapsName name_in_maps(const File& file, const Identity& identity) {
  const auto device = static_cast<dev_t>(identity.device);
  MapsName name{major(device), minor(device), identity.file};
  void* const page =
      ::mmap(nullptr, page_size(), PROT_READ, MAP_PRIVATE, static_cast<int>(file.native()), 0);
  if (page == MAP_FAILED) return name;
  const auto address = reinterpret_cast<std::uintptr_t>(page);
  try {
    if (const Descriptor maps = open_in(AT_FDCWD, "/proc/self/maps"); maps)
      (void)for_each_line(maps.get(), [&](std::string_view text) {
        const auto line = parse_maps_line(text);
        // The page may have become a part of a larger mapping of the file.
        if (line && line->inode != 0 && address >= line->begin && address < line->end)
          name = {line->device_major, line->device_minor, line->inode};
      });
  } catch (...) {
    (void)::munmap(page, page_size());
    throw;
  }
  (void)::munmap(page, page_size());
  return name;
}

struct Wanted {
  Identity identity;
  MapsName name;
};

/// False: it may not be looked into.
bool look_at_maps(int process, const Wanted& wanted, ProcessHold& hold) {
  const Descriptor maps = open_in(process, "maps");
  if (!maps) return !is_refusal(errno);
  return !is_refusal(for_each_line(maps.get(), [&](std::string_view text) {
    if (const auto line = parse_maps_line(text); line && wanted.name.names(*line))
      hold.mapped_bytes += line->end - line->begin;
  }));
}

bool shows_file(int handles, const char* name, const Identity& identity) noexcept {
  // Most handles are of no file; and asking of one on a network would wait for its server.
  std::array<char, 2> link{};
  if (::readlinkat(handles, name, link.data(), link.size()) <= 0 || link[0] != '/') return false;
  struct ::statx found {};
  if (::statx(handles, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &found) != 0)
    return false;
  return found.stx_ino == identity.file &&
         makedev(found.stx_dev_major, found.stx_dev_minor) == identity.device;
}

bool look_at_handles(int process, const Wanted& wanted, ProcessHold& hold) {
  const Folder handles = open_folder(process, "fd");
  if (!handles) return !is_refusal(errno);
  const int folder = ::dirfd(handles.get());
  while (const dirent* const entry = ::readdir(handles.get())) {
    const char* const name = entry->d_name;
    if (!number_in(name) || !shows_file(folder, name, wanted.identity)) continue;
    const std::string about = read_small(process, (std::string("fdinfo/") + name).c_str());
    const HandleFacts facts = parse_fdinfo(about, lock_byte);
    if (facts.path_only) continue;
    ++hold.handles;
    hold.locks = hold.locks || facts.locks;
  }
  return true;
}

void look_at_process(int proc, const char* name, std::int64_t pid, const Wanted& wanted,
                     HolderScan& scan) {
  const Descriptor process = open_in(proc, name, O_PATH | O_DIRECTORY);
  if (!process || cannot_hold(read_small(process.get(), "stat"))) return;
  ProcessHold hold;
  hold.pid = pid;
  const bool maps_seen = look_at_maps(process.get(), wanted, hold);
  const bool handles_seen = look_at_handles(process.get(), wanted, hold);
  if (!maps_seen || !handles_seen) ++scan.closed_processes;
  if (hold.mapped_bytes == 0 && hold.handles == 0) return;
  std::string command = read_small(process.get(), "comm");
  if (!command.empty() && command.back() == '\n') command.pop_back();
  hold.command = printable(command);
  scan.holds.push_back(std::move(hold));
}

/// Processes that /proc does not list: those outside our namespace of processes, and, where it was
/// mounted that way, those of other users.
bool may_hide_processes() noexcept {
  constexpr std::string_view first_namespace = "pid:[4026531836]";
  std::array<char, 64> link{};
  const ssize_t size = ::readlink("/proc/self/ns/pid", link.data(), link.size());
  if (size <= 0 || std::string_view(link.data(), static_cast<std::size_t>(size)) != first_namespace)
    return true;
  struct ::stat first {};
  return ::stat("/proc/1", &first) != 0;
}

/// Filesystems whose files are opened and mapped by nobody but this kernel, and which count both
/// where a lease looks. On overlayfs mappings are counted elsewhere, so that a lease would be
/// granted although the file is mapped.
bool lease_proves(int descriptor) noexcept {
  struct ::statfs about {};
  if (::fstatfs(descriptor, &about) != 0) return false;
  switch (static_cast<unsigned long>(about.f_type)) {
    case EXT4_SUPER_MAGIC:  // ext2 and ext3 too
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case TMPFS_MAGIC:
    case F2FS_SUPER_MAGIC:
      return true;
    default:
      return false;
  }
}

}  // namespace

HolderScan scan_holders(const File& file) {
  HolderScan scan;
  struct ::stat found {};
  const Folder proc = open_folder(AT_FDCWD, "/proc");
  if (!proc || ::fstat(static_cast<int>(file.native()), &found) != 0) return scan;
  Wanted wanted;
  wanted.identity = to_status(found).identity;
  wanted.name = name_in_maps(file, wanted.identity);
  while (const dirent* const entry = ::readdir(proc.get())) {
    const std::optional<std::int64_t> pid = number_in(entry->d_name);
    if (!pid) continue;
    scan.looked = true;
    look_at_process(::dirfd(proc.get()), entry->d_name, *pid, wanted, scan);
  }
  scan.hidden_processes = may_hide_processes();
  std::ranges::sort(scan.holds, {}, &ProcessHold::pid);
  return scan;
}

HoldProof prove_held(const std::string& path, const Identity& which) noexcept {
  if (path.empty() || path.find('\0') != std::string::npos) return HoldProof::unknown;
  // A handle of its own, because one that is used elsewhere would itself be a hold.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct ::stat found {};
  if (!file || ::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode) ||
      to_status(found).identity != which || !lease_proves(file.get()))
    return HoldProof::unknown;
  // Who opens the file while we have the lease makes the system signal us. Not by SIGIO, which
  // would end the process, but by one that is ignored unless somebody asks for it; and only this
  // thread.
  const f_owner_ex owner{F_OWNER_TID, ::gettid()};
  if (::fcntl(file.get(), F_SETOWN_EX, &owner) != 0 || ::fcntl(file.get(), F_SETSIG, SIGURG) != 0)
    return HoldProof::unknown;
  if (::fcntl(file.get(), F_SETLEASE, F_WRLCK) == 0) {
    (void)::fcntl(file.get(), F_SETLEASE, F_UNLCK);
    return HoldProof::free;
  }
  return errno == EAGAIN || errno == EBUSY ? HoldProof::held : HoldProof::unknown;
}

}  // namespace tensorhold::os
