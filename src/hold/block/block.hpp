// Storage lifetime: who keeps which bytes alive.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/runs.hpp"

namespace tensorhold::hold {

/// Names and places of the tensors of one block. Immutable; outlives every tensor of the block.
class Catalog {
 public:
  Catalog() = default;
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;
  virtual ~Catalog() = default;
  [[nodiscard]] virtual std::size_t size() const noexcept = 0;
  [[nodiscard]] virtual std::string_view name(std::size_t index) const noexcept = 0;
  /// Of the first byte, from the start of the file (of the memory, where there is no file).
  [[nodiscard]] virtual std::uint64_t offset(std::size_t index) const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t nbytes(std::size_t index) const noexcept = 0;
};

/// One storage with the tensors in it: a mapping, a file read on demand, or memory.
///
/// Shared state, all of it: one count of handles for each tensor; `users_`, who needs the bytes:
/// open files until they are closed, and live tensors; `objects_`, who needs only the Block: its
/// users together, and open files that were closed, so that a tensor can still be asked for, and be
/// refused. Copying or dropping a Tensor touches only that tensor's count, except for the first and
/// the last one. With the last user the bytes go for good, with the last object the Block.
class Block {
 public:
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// One more user, who is one already.
  void retain() noexcept { users_.fetch_add(1, std::memory_order_relaxed); }
  void drop() noexcept;
  /// retain(), unless the last user is gone: for the registry, which knows blocks but keeps none.
  [[nodiscard]] bool try_retain() noexcept;

  /// For those who need the Block after its bytes.
  void retain_object() noexcept { objects_.fetch_add(1, std::memory_order_relaxed); }
  void drop_object() noexcept;

  /// Refuses new tensors from now on, and lets go of what only they could need. The caller is a
  /// user.
  void close() noexcept;

  /// Makes a tensor live, or more so; false when the file was closed or released, so that no new
  /// one can be had. The caller keeps the Block, if not its bytes, meanwhile. May raise
  /// out_of_memory.
  [[nodiscard]] bool acquire_tensor(std::uint32_t index);
  /// One more handle on a tensor that is live already; never fails.
  void copy_tensor(std::uint32_t index) noexcept {
    live_[index].fetch_add(1, std::memory_order_relaxed);
  }
  /// copy_tensor(), if the tensor is live.
  [[nodiscard]] bool try_copy_tensor(std::uint32_t index) noexcept;
  void drop_tensor(std::uint32_t index) noexcept;
  /// Handles on a tensor at this moment.
  [[nodiscard]] std::uint32_t live(std::size_t index) const noexcept {
    return live_[index].load(std::memory_order_seq_cst);
  }

  [[nodiscard]] const Catalog& catalog() const noexcept { return *catalog_; }

  /// Where a live tensor's bytes are; the address stays for as long as the tensor lives. May read
  /// the file, and raise what that raises. Not null, unless the tensor is empty.
  [[nodiscard]] virtual const std::byte* data(std::uint32_t index) = 0;
  /// As data(), when reading there can neither fault nor needs the file; else null.
  [[nodiscard]] virtual const std::byte* stable_data(std::uint32_t index) noexcept = 0;
  /// Copies part of a live tensor; a fault in a mapping becomes an Error. `from` counts from the
  /// tensor's first byte. Precondition: the part is inside the tensor.
  virtual void read(std::uint32_t index, std::uint64_t from, std::span<std::byte> out) = 0;
  /// As read(), of runs whose offsets count from the tensor's first byte, all at once. False: they
  /// are to be read one by one, which has them or raises; `out` may be written in part.
  [[nodiscard]] virtual bool read_runs(std::uint32_t /*index*/, const base::Runs& /*runs*/,
                                       std::span<std::byte> /*out*/) {
    return false;
  }
  /// From the return on no release exchanges a live tensor's pages until as many unpin(). Waits for
  /// a release that is under way.
  virtual void pin(std::uint32_t /*index*/) {}
  virtual void unpin(std::uint32_t /*index*/) noexcept {}
  /// True while bytes are pages of a file.
  [[nodiscard]] virtual bool mapped() const noexcept = 0;
  /// True when the bytes belong to this process and may be written.
  [[nodiscard]] virtual bool writable() const noexcept = 0;
  /// Path of the file that the bytes are or were of, UTF-8; empty for memory.
  [[nodiscard]] virtual std::string_view path() const noexcept = 0;
  /// True when the bytes are in the machine's order rather than in the file's.
  [[nodiscard]] virtual bool native_order() const noexcept = 0;

 protected:
  explicit Block(std::shared_ptr<const Catalog> catalog);
  virtual ~Block() = default;
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_seq_cst); }
  /// True when the caller is the only user, as an open file without live tensors is.
  [[nodiscard]] bool only_user() const noexcept {
    return users_.load(std::memory_order_acquire) == 1;
  }
  /// A File handed out a handle on a tensor; `first`: it had none. When it refuses by returning
  /// false, or raises, the handle is taken back. Another thread may run last_dropped() of the same
  /// tensor at the same time: look at live().
  [[nodiscard]] virtual bool acquired(std::uint32_t index, bool first) = 0;
  /// A tensor went from one handle to none (and may have come back meanwhile).
  virtual void last_dropped(std::uint32_t index) noexcept = 0;
  /// closed() is true from now on.
  virtual void closing() noexcept {}
  /// Lets go of the bytes: the last user is gone, and none comes any more.
  virtual void vacate() noexcept {}
  /// True: a fork waits for vacate(), which must then call nothing of the caller's.
  [[nodiscard]] virtual bool vacates_in_section() const noexcept { return false; }

 private:
  [[nodiscard]] bool add_handle(std::uint32_t index, bool& first) noexcept;

  std::shared_ptr<const Catalog> catalog_;
  std::unique_ptr<std::atomic<std::uint32_t>[]> live_;
  std::atomic<std::uint64_t> users_ = 1;
  std::atomic<std::uint64_t> objects_ = 1;
  std::atomic<bool> closed_ = false;
};

/// A user of a block. Not safe to assign while another thread uses the same object.
class BlockRef {
 public:
  BlockRef() noexcept = default;
  /// Takes over one user.
  explicit BlockRef(Block* block) noexcept : block_(block) {}
  BlockRef(const BlockRef& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->retain();
  }
  BlockRef(BlockRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockRef& operator=(BlockRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~BlockRef() {
    if (block_ != nullptr) block_->drop();
  }
  [[nodiscard]] Block* get() const noexcept { return block_; }
  Block* operator->() const noexcept { return block_; }
  explicit operator bool() const noexcept { return block_ != nullptr; }

 private:
  Block* block_ = nullptr;
};

/// The block of an open file: a user until close(), a pointer that can be asked to the end.
class OpenBlock {
 public:
  OpenBlock() noexcept = default;
  OpenBlock(const OpenBlock&) = delete;
  OpenBlock& operator=(const OpenBlock&) = delete;
  /// After close(), if there was an open().
  ~OpenBlock() {
    if (block_ != nullptr) block_->drop_object();
  }

  /// Once, before other threads see this.
  void open(const BlockRef& block) noexcept {
    block_ = block.get();
    block_->retain();
    block_->retain_object();
  }
  /// Once, while other threads may ask for tensors.
  void close() noexcept {
    if (block_ == nullptr) return;
    block_->close();
    block_->drop();
  }
  [[nodiscard]] Block& operator*() const noexcept { return *block_; }
  /// A user; empty when the bytes are gone.
  [[nodiscard]] BlockRef try_user() const noexcept {
    return block_->try_retain() ? BlockRef(block_) : BlockRef();
  }

 private:
  Block* block_ = nullptr;
};

}  // namespace tensorhold::hold
