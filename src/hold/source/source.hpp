// The file that blocks come from: what was opened, the handle while there is one, and the mappings.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hold/block/block.hpp"
#include "hold/source/kept_file.hpp"
#include "os/file/file.hpp"
#include "os/lock/lock.hpp"
#include "os/process/fork_mutex.hpp"

namespace tensorhold::hold {

class MappedBlock;
class OwnedBlock;

/// Shared by the blocks of one open. Thread-safe.
///
/// Shared state: the handle and the lists of blocks, under one mutex that is never held across a
/// system call that may wait; `ended_`; `damaged_`; and whose turn it is to release.
class Source {
 public:
  /// `lock`: kept until the handle, whoever uses it, and every mapping are gone.
  /// `status`: what the system said of the file before anything of it was read.
  Source(os::File handle, const os::FileStatus& status, std::string label,
         std::optional<os::Lock> lock);
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source();

  /// What the system said of the file when it was opened.
  [[nodiscard]] const os::FileStatus& status() const noexcept { return status_; }
  /// Path given to open, UTF-8.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// path() from the root; empty for an open without a path.
  [[nodiscard]] const std::string& absolute_path() const noexcept { return absolute_path_; }
  [[nodiscard]] const std::string& label() const noexcept { return label_; }

  /// The handle, kept open and locked by whoever uses it; null after close().
  [[nodiscard]] std::shared_ptr<const os::File> handle() const {
    const std::lock_guard lock(mutex_);
    return opened_ ? std::shared_ptr<const os::File>(opened_, &opened_->file) : nullptr;
  }
  /// The handle and the lock, for a new mapping. Raises released after end(), closed after close().
  [[nodiscard]] std::shared_ptr<const Opened> opened_for_mapping() const;
  /// Lets go of the handle: it closes with the last read that is under way.
  void close() noexcept;

  /// Refuses new mappings and new tensors from now on: a release has begun.
  void end() noexcept { ended_.store(true); }
  /// Takes end() back, when the release changed nothing.
  void reopen() noexcept { ended_.store(false); }
  [[nodiscard]] bool ended() const noexcept { return ended_.load(); }

  /// Keeps in mind, after the mapping, that lost bytes of it became zeros.
  void set_damaged() noexcept { damaged_.store(true); }
  [[nodiscard]] bool damaged() const noexcept { return damaged_.load(); }

  /// A block makes itself known while it maps the file, in a turn, and says when the mapping is
  /// gone.
  void add(MappedBlock* block);
  void remove(const MappedBlock* block) noexcept;
  void add(OwnedBlock* block);
  void remove(const OwnedBlock* block) noexcept;

  /// The blocks that are not being destroyed at this moment.
  struct Blocks {
    std::vector<std::pair<BlockRef, MappedBlock*>> mapped;
    std::vector<std::pair<BlockRef, OwnedBlock*>> owned;
  };
  [[nodiscard]] Blocks blocks() const;

  /// Waits until the mappings of all other blocks, which other threads are destroying, are gone.
  void wait_for_others(std::span<MappedBlock* const> known) const;

  /// The right to release this source, or to keep others from it, for one thread at a time. In a
  /// child process that was forked in the middle of somebody's turn, the turn is free.
  class Turn {
   public:
    /// Waits. Raises invalid_argument when the turn is this thread's already: it runs the progress
    /// callback of a release.
    explicit Turn(Source& source);
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      source_.turn_thread_.store({});
      source_.turn_.store(0);
    }

   private:
    Source& source_;
  };

 private:
  const os::FileStatus status_;
  const std::string path_;
  const std::string absolute_path_;
  const std::string label_;
  std::atomic<bool> ended_ = false;
  std::atomic<bool> damaged_ = false;
  std::atomic<std::uint64_t> turn_ = 0;       // forks before this process, and 1; 0: nobody's
  std::atomic<std::thread::id> turn_thread_;  // that thread, once it knows that it has it
  mutable os::ForkMutex mutex_;               // guards what follows
  std::shared_ptr<const Opened> opened_;
  std::vector<MappedBlock*> mapped_;
  std::vector<OwnedBlock*> owned_;
};

}  // namespace tensorhold::hold
