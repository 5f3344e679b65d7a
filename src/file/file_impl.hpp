// What the handles of one open file share.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "hold/block/block.hpp"
#include "hold/source/mapped_block.hpp"
#include "hold/source/owned_block.hpp"
#include "hold/source/source.hpp"
#include "os/process/fork_mutex.hpp"
#include "tensor/catalog.hpp"
#include "tensorhold/file.hpp"

namespace tensorhold {
inline namespace v0 {

/// Immutable but for what is named in the comments; shared by all copies of a File.
struct File::Impl {
  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { end(); }

  /// A tensor of `block`. Raises closed and released.
  [[nodiscard]] Tensor acquire(std::size_t index) const;

  /// Ends the file for new tensors. Thread-safe; the first call counts.
  void end() noexcept;

  std::shared_ptr<const tensor::FileCatalog> catalog;
  std::shared_ptr<hold::Source> source;  ///< null for bytes in memory
  hold::OpenBlock block;                 ///< read-only tensors
  hold::OwnedBlock* owned = nullptr;     ///< block, when it is one
  std::string path;
  std::string why;
  Access access = Access::mapped;
  bool guard = false;  ///< OpenOptions::guard
  std::uint64_t file_bytes = 0;
  std::uint64_t header_bytes = 0;
  std::atomic<bool> closed = false;

  os::ForkMutex writable_mutex;   ///< guards writable_block; nothing waits under it
  hold::BlockRef writable_block;  ///< private writable views; made on first use
};

struct FileAccess {
  [[nodiscard]] static File adopt(std::shared_ptr<File::Impl> impl) noexcept {
    return File(std::move(impl));
  }
  [[nodiscard]] static File::Impl& impl(const File& file) noexcept { return *file.impl_; }
};

}  // namespace v0
}  // namespace tensorhold
