// The inodes that the kernel knows, by the number it was given for each.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace tensorhold::lockfs {

/// A file descriptor, closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) (void)::close(number_);
  }
  [[nodiscard]] int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_;
};

/// An inode of BACKING. Its O_PATH descriptor keeps it from being reused for another file, and
/// finds it again whatever it is called by then, or when it has no name left.
struct Node {
  using Identity = std::pair<dev_t, ino_t>;

  Node(Descriptor&& descriptor, const Identity& id) : path(std::move(descriptor)), identity(id) {}
  Descriptor path;
  const Identity identity;
  std::uint64_t lookups = 0;  // guarded by the mutex of Nodes
  /// Handles that the kernel has not released. It releases one after the last descriptor *and* the
  /// last mapping made from it are gone: this is what --sharing calls held.
  std::atomic<std::uint64_t> opens{0};
  /// fsync-loses had its way with it.
  std::atomic<bool> lost{false};
  /// When the last release of a handle was.
  std::atomic<std::chrono::steady_clock::time_point> released{
      std::chrono::steady_clock::time_point::min()};

  /// A path that leads to the inode, for calls that take no O_PATH descriptor.
  [[nodiscard]] std::string link() const { return "/proc/self/fd/" + std::to_string(path.get()); }
};

class Nodes {
 public:
  using Id = std::uint64_t;
  static constexpr Id kRoot = 1;
  // The files of lockfs itself, which BACKING does not have.
  static constexpr Id kStats = 2;
  static constexpr Id kControl = 3;

  explicit Nodes(Descriptor&& root) {
    by_id_[kRoot] = std::make_shared<Node>(std::move(root), Node::Identity{});
  }

  /// The node the kernel means; null for an id it was never given.
  [[nodiscard]] std::shared_ptr<Node> find(Id id) const;
  /// Counts one more lookup of the inode behind `descriptor`, and says its id.
  Id enter(Descriptor&& descriptor, const struct stat& status);
  void forget(Id id, std::uint64_t lookups);
  /// The node of the inode; null when the kernel does not know it.
  [[nodiscard]] std::shared_ptr<Node> find(const struct stat& status) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<Id, std::shared_ptr<Node>> by_id_;
  std::map<Node::Identity, Id> by_identity_;
  Id next_ = kControl + 1;
};

}  // namespace tensorhold::lockfs
