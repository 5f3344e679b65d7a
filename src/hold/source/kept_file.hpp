// The file under a mapping, to be asked what it still has.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "os/file/file.hpp"
#include "os/lock/lock.hpp"

namespace tensorhold::hold {

/// An open file, and the lock that was asked for with it. Shared by all who read the file or map
/// it: both end with the last of them.
struct Opened {
  os::File file;
  std::shared_ptr<const os::Lock> lock;
};

/// What a mapping keeps of its file, whoever closes it: the lock, and the handle that was mapped,
/// which is no other hold than the mapping itself. Where mapped files cannot become shorter there
/// is nothing to ask, and no handle is kept.
///
/// Asking takes no lock: it is done after each copy. The handle closes when it was given up and
/// nobody asks at this moment.
class KeptFile {
 public:
  explicit KeptFile(std::shared_ptr<const Opened> opened);
  KeptFile(const KeptFile&) = delete;
  KeptFile& operator=(const KeptFile&) = delete;
  ~KeptFile() { end(); }

  /// The handle, for as long as this lives.
  class Use {
   public:
    explicit Use(const KeptFile& kept) noexcept;
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use();
    /// Null when the handle was given up.
    [[nodiscard]] const os::File* file() const noexcept { return file_; }

   private:
    const KeptFile& kept_;
    const os::File* file_ = nullptr;
  };

  /// The handle, kept by whoever has this; null when it was given up.
  [[nodiscard]] std::shared_ptr<const os::File> handle() const noexcept;

  /// The file was closed, and only the mapping has it from now on. False: as many as a quarter of
  /// the files that the process may have open are kept like that, and this is to be given up.
  [[nodiscard]] bool park() noexcept;
  /// Closes the handle when nobody asks any more.
  void give_up() noexcept;
  /// The mapping is gone, or has nothing of the file: lets go of handle and lock. Not at the same
  /// time as another end(); others may use it and park it.
  void end() noexcept;

 private:
  void leave() const noexcept;

  mutable std::atomic<std::uint32_t> uses_ = 1;   // this, until it gives up, and who asks
  mutable std::shared_ptr<const Opened> opened_;  // reset by the last use
  std::shared_ptr<const os::Lock> lock_;
  std::atomic<bool> given_up_ = false;
  std::atomic<bool> parked_ = false;
};

}  // namespace tensorhold::hold
