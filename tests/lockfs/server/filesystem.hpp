// The filesystem: answers the kernel's requests from BACKING, with the faults asked for.
#pragma once

#define FUSE_USE_VERSION 35
#include <fuse_lowlevel.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "lockfs/server/faults.hpp"
#include "lockfs/server/handles.hpp"
#include "lockfs/server/nodes.hpp"
#include "lockfs/server/stats.hpp"
#include "lockfs/server/switches.hpp"
#include "lockfs/server/workers.hpp"

namespace tensorhold::lockfs {

/// An open file of BACKING.
struct Handle {
  Descriptor file;
  std::shared_ptr<Node> node;
  std::shared_ptr<Counters> counters;
  bool closed = false;  // touched by the thread that serves the session only
};

/// An open folder, with the entries seen when it was read from the start.
struct FolderHandle {
  struct Entry {
    std::string name;
    ino_t inode;
    mode_t type;
  };
  Descriptor folder;
  std::vector<Entry> entries;
};

class Filesystem {
 public:
  /// `root` is the folder BACKING, opened with O_PATH, and `root_path` its path without links.
  Filesystem(const Switches& switches, Descriptor&& root, std::string root_path)
      : settings_(switches), nodes_(std::move(root)), root_path_(std::move(root_path)) {}

  /// Answers reads on threads of their own until finish(): a read that waits must not keep a later
  /// request from being answered. All else is answered in the order in which the kernel asks, so
  /// that a name is free for the request that follows the last munmap.
  void start() { readers_ = std::make_unique<Workers>(kReaders); }
  void finish() {
    finishing_ = true;
    readers_->finish();
  }

  /// The table that libfuse calls, with a Filesystem as user data.
  static const fuse_lowlevel_ops& operations();

  // names.cpp
  void lookup(fuse_req_t req, fuse_ino_t parent, const char* name);
  void forget(fuse_req_t req, fuse_ino_t id, std::uint64_t lookups);
  void mknod(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode, dev_t device);
  void mkdir(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode);
  void symlink(fuse_req_t req, const char* target, fuse_ino_t parent, const char* name);
  void link(fuse_req_t req, fuse_ino_t id, fuse_ino_t parent, const char* name);
  void unlink(fuse_req_t req, fuse_ino_t parent, const char* name);
  void rmdir(fuse_req_t req, fuse_ino_t parent, const char* name);
  void rename(fuse_req_t req, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
              const char* new_name, unsigned flags);
  void readlink(fuse_req_t req, fuse_ino_t id);

  // status.cpp
  void init(fuse_conn_info* connection);
  void getattr(fuse_req_t req, fuse_ino_t id, fuse_file_info* info);
  void setattr(fuse_req_t req, fuse_ino_t id, struct stat* status, int which, fuse_file_info* info);
  void statfs(fuse_req_t req, fuse_ino_t id);
  void opendir(fuse_req_t req, fuse_ino_t id, fuse_file_info* info);
  void readdir(fuse_req_t req, fuse_ino_t id, std::size_t size, off_t offset, fuse_file_info* info);
  void releasedir(fuse_req_t req, fuse_ino_t id, fuse_file_info* info);
  void fsyncdir(fuse_req_t req, fuse_ino_t id, int data_only, fuse_file_info* info);

  // data.cpp
  void create(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode,
              fuse_file_info* info);
  void open(fuse_req_t req, fuse_ino_t id, fuse_file_info* info);
  void flush(fuse_req_t req, fuse_ino_t id, fuse_file_info* info);
  void release(fuse_req_t req, fuse_ino_t id, fuse_file_info* info);
  void read(fuse_req_t req, fuse_ino_t id, std::size_t size, off_t offset, fuse_file_info* info);
  void write(fuse_req_t req, fuse_ino_t id, const char* bytes, std::size_t size, off_t offset,
             fuse_file_info* info);
  void fsync(fuse_req_t req, fuse_ino_t id, int data_only, fuse_file_info* info);
  void fallocate(fuse_req_t req, fuse_ino_t id, int mode, off_t offset, off_t size,
                 fuse_file_info* info);

 private:
  /// The descriptor of a node, or -1, which every call refuses with EBADF.
  [[nodiscard]] int path_of(fuse_ino_t id) const;
  /// Fills `entry` for `name`, and counts the lookup. An errno, or 0.
  int enter(int parent, const char* name, fuse_entry_param& entry);
  /// Gives what was just made to the caller, when this process is root. An errno, or 0.
  static int give_to_caller(fuse_req_t req, int parent, const char* name);
  void reply_entry(fuse_req_t req, fuse_ino_t parent, const char* name);
  void reply_made(fuse_req_t req, int result, fuse_ino_t parent, const char* name);
  /// Whether `others` handles, or the scanner, hold the node.
  static bool is_held(const Switches& switches, const Node& node, std::uint64_t others);
  static bool is_scanned(const Switches& switches, const Node& node);
  /// Whether `sharing` forbids to take the name away from what it stands for.
  [[nodiscard]] bool keeps_name(const Switches& switches, int parent, const char* name) const;
  /// Whether the scanner forbids to move what the name stands for.
  [[nodiscard]] bool keeps_place(const Switches& switches, int parent, const char* name) const;

  /// Sets the size as `sharing` and `no-truncate` permit; the handle of the caller, if any, does
  /// not count as a hold. An errno, or 0.
  int resize(const Node& node, const Handle* handle, off_t size) const;
  /// Opens a node for `info`; on success the handle is in `info`. An errno, or 0.
  int open_node(const std::shared_ptr<Node>& node, fuse_file_info* info);
  /// Undoes open_node() when the kernel will never release the handle, or has.
  void drop(std::uint64_t number);
  [[nodiscard]] std::string name_of(const Node& node) const;
  /// Waits as latency-us says, as long as it says so.
  void pause() const;
  /// Reads on a thread of its own, and answers.
  void answer_read(fuse_req_t req, const Handle& handle, std::size_t size, off_t offset);

  // own_files.cpp: .lockfs-stats and .lockfs-control
  static fuse_ino_t own_file(fuse_ino_t parent, const char* name);
  static bool is_own_file(fuse_ino_t id) { return id == Nodes::kStats || id == Nodes::kControl; }
  static struct stat own_file_status(fuse_ino_t id);
  void open_own_file(fuse_req_t req, fuse_ino_t id, fuse_file_info* info);
  void read_own_file(fuse_req_t req, std::size_t size, off_t offset, const fuse_file_info* info);
  void write_own_file(fuse_req_t req, fuse_ino_t id, const char* bytes, std::size_t size);

  static constexpr std::size_t kReaders = 8;
  Settings settings_;
  Faults faults_;
  Stats stats_;
  Nodes nodes_;
  Handles<Handle> files_;
  Handles<FolderHandle> folders_;
  Handles<const std::string> texts_;  // of own files, as they were when opened
  const std::string root_path_;
  std::atomic<bool> finishing_{false};
  std::unique_ptr<Workers> readers_;
};

}  // namespace tensorhold::lockfs
