// The file that blocks come from: what was opened, and the handle while there is one.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "os/file.hpp"

namespace tensorhold::hold {

/// Shared by the blocks of one open. Thread-safe.
class Source {
 public:
  Source(os::File handle, std::string label)
      : status_(handle.status()),
        path_(handle.path()),
        label_(std::move(label)),
        handle_(std::make_shared<const os::File>(std::move(handle))) {}

  /// What the system said of the file when it was opened.
  [[nodiscard]] const os::FileStatus& status() const noexcept { return status_; }
  /// Path given to open, UTF-8.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::string& label() const noexcept { return label_; }

  /// The handle, kept open by whoever uses it; null after close().
  [[nodiscard]] std::shared_ptr<const os::File> handle() const {
    const std::lock_guard lock(mutex_);
    return handle_;
  }
  /// Lets go of the handle: it closes with the last read that is under way.
  void close() noexcept {
    std::shared_ptr<const os::File> last;
    const std::lock_guard lock(mutex_);
    last.swap(handle_);
  }

 private:
  const os::FileStatus status_;
  const std::string path_;
  const std::string label_;
  mutable std::mutex mutex_;
  std::shared_ptr<const os::File> handle_;
};

}  // namespace tensorhold::hold
