// A block whose bytes are pages of a file, until they are released.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "hold/block/block.hpp"
#include "hold/source/kept_file.hpp"
#include "hold/source/source.hpp"
#include "os/fault/guard.hpp"
#include "os/file/file.hpp"
#include "os/file/mapping.hpp"
#include "os/process/fork_mutex.hpp"
#include "os/release/release.hpp"

namespace tensorhold::hold {

struct MappedOptions {
  os::Protection protection = os::Protection::read_only;
  bool guard = false;  ///< lost pages of the file become zeros instead of a signal
};

/// A mapping, its tensors, and how far it was released. Besides what Block shares: `state_`, and
/// under `mutex_` the tensors that died during a release and those that are pinned.
///
/// The range of a tensor that died after close() or a release gives its pages back at once: private
/// ones are memory that nobody will use, those of the file count as this process's. It stays part
/// of the mapping, because to unmap it would free no file while others live, cost a mapping for
/// each gap (a Linux process may have 65,530), and let strangers map memory in the gaps, which a
/// later release would overwrite. A view of Windows can neither be unmapped nor give back pages in
/// parts: there the ranges go with the last tensor.
class MappedBlock final : public Block {
 public:
  /// Maps the part of the file that holds the catalog's tensors. Waits for a release that is under
  /// way. Raises what os::Mapping::map and os::Guard raise, released, and closed.
  MappedBlock(std::shared_ptr<const Catalog> catalog, std::shared_ptr<Source> source,
              const MappedOptions& options);

  [[nodiscard]] const std::byte* data(std::uint32_t index) override;
  [[nodiscard]] const std::byte* stable_data(std::uint32_t index) noexcept override;
  void read(std::uint32_t index, std::uint64_t from, std::span<std::byte> out) override;
  [[nodiscard]] bool read_runs(std::uint32_t index, const base::Runs& runs,
                               std::span<std::byte> out) override;
  void pin(std::uint32_t index) override;
  void unpin(std::uint32_t index) noexcept override;
  [[nodiscard]] bool mapped() const noexcept override { return state_.load() != State::released; }
  [[nodiscard]] bool writable() const noexcept override {
    return protection_ == os::Protection::private_writable;
  }
  [[nodiscard]] std::string_view path() const noexcept override { return source_->path(); }
  [[nodiscard]] bool native_order() const noexcept override { return false; }
  [[nodiscard]] const Source& source() const noexcept { return *source_; }
  /// Copies bytes of the file, as read() those of a tensor; all in the mapping, and of tensors that
  /// are live.
  void read_at(std::uint64_t offset, std::span<std::byte> out) const;

  // For bytes that are taken straight out of the mapping (lost_bytes.hpp):

  [[nodiscard]] bool contains(const std::byte* address) const noexcept {
    return address >= mapping_.data() && address < mapping_.data() + mapping_.size();
  }
  /// What the file has now; nothing when that is not known, or the bytes are its no more.
  [[nodiscard]] std::optional<std::uint64_t> file_bytes() const noexcept;
  /// The place in the file of the first byte in `taken` that it does not have, when it has
  /// `file_bytes`, asked after they were taken.
  [[nodiscard]] std::optional<std::uint64_t> lost_at(
      std::span<const std::byte> taken, std::optional<std::uint64_t> file_bytes) const noexcept;
  /// Raises damaged or truncated when they were lost.
  void refuse_lost(std::span<const std::byte> taken) const;
  /// Goes on with a copy that came as far as `copied`, where the mapping shows no bytes, with those
  /// that the file has; returns how far. Raises io_error.
  [[nodiscard]] std::size_t take(const std::byte* from, std::span<std::byte> to,
                                 std::size_t copied) const;

  /// True once zeros were put in the place of lost bytes; for good.
  [[nodiscard]] bool damaged() const noexcept { return guard_ && guard_->damaged_bytes() != 0; }

  // The release, which release.cpp drives, in the turn of the source. In this order:

  /// Raises release_refused, with its name, when a tensor is pinned. The turn keeps new pins away.
  void refuse_pinned() const;
  /// Live tensors' bytes in chunks that were not exchanged yet, in order.
  [[nodiscard]] std::vector<os::Part> held_parts() const;
  /// Live tensors' bytes, in order.
  [[nodiscard]] std::vector<os::Part> live_parts() const { return live_in({0, mapping_.size()}); }
  /// The file, closed or not, as long as this keeps it; else null.
  [[nodiscard]] std::shared_ptr<const os::File> handle() const;
  /// Takes what the release needs; nothing changes yet. Raises truncated when that is known now.
  [[nodiscard]] std::unique_ptr<os::Release> prepare_release(const os::File* file);
  /// From now on no dead tensor comes to life.
  void begin_release() noexcept {
    const std::lock_guard lock(mutex_);
    state_.store(State::releasing);
  }
  /// Exchanges a chunk unless it was before; returns the memory that it took. May be called from
  /// several threads for different chunks. Errors name the file and the tensor.
  std::uint64_t release_chunk(os::Release& release, std::size_t chunk);
  /// Frees what died meanwhile. True: nothing was exchanged, now or before, so tensors may be had
  /// again.
  bool end_release(const os::Release& release) noexcept;

  /// Live tensors, by position.
  [[nodiscard]] std::vector<std::uint32_t> live_tensors() const;

 private:
  enum class State : std::uint8_t {
    mapped,     ///< pages of the file
    releasing,  ///< some of the chunks may be private
    partial,    ///< some of the chunks are private, no release is under way
    released    ///< private memory
  };

  void refuse_lost_now() const;
  [[noreturn]] void raise_damaged(std::uint64_t offset) const;
  [[noreturn]] void raise_truncated(std::uint64_t offset) const;
  [[nodiscard]] std::size_t read_unshown(const std::byte* from, std::span<std::byte> to) const;
  [[nodiscard]] bool is_private(os::Part part) const noexcept;
  [[nodiscard]] bool acquired(std::uint32_t, bool) override {
    return state_.load() == State::mapped;
  }
  void last_dropped(std::uint32_t index) noexcept override;
  void closing() noexcept override;
  void vacate() noexcept override;
  [[nodiscard]] bool vacates_in_section() const noexcept override { return true; }
  // No tensor that is dead now can be had any more, whatever else happens.
  [[nodiscard]] bool ended() const noexcept { return closed() || state_.load() != State::mapped; }
  [[nodiscard]] os::Part part_of(std::size_t index) const noexcept;
  [[nodiscard]] std::vector<os::Part> live_in(os::Part within) const;
  [[nodiscard]] std::size_t first_ending_after(std::size_t offset) const noexcept;
  [[nodiscard]] bool any_live_in(os::Part part) const noexcept;
  void discard_dead(std::uint32_t index) noexcept;
  void discard(os::Part pages) noexcept;
  void split_huge_pages(os::Part discarded) noexcept;
  [[nodiscard]] std::string tensor_at(std::uint64_t offset) const;

  std::shared_ptr<Source> source_;
  os::Protection protection_;
  os::Mapping mapping_;
  std::optional<KeptFile> kept_;    // of mapping_, until it is released
  std::optional<os::Guard> guard_;  // of mapping_, if asked for
  std::atomic<State> state_ = State::mapped;
  // Which chunks are private, and the bytes of one; made by the first release. Written under
  // mutex_, only by who has the turn to release and by the threads that work for it, who read it
  // without.
  std::vector<char> exchanged_;
  std::size_t chunk_bytes_ = 0;
  bool touched_ = false;  // some pages are private

  mutable os::ForkMutex mutex_;      // guards what follows, and the discarding of pages
  std::vector<std::uint32_t> died_;  // tensors that died during the release
  std::map<std::uint32_t, std::uint64_t> pinned_;  // tensors with pins, and how many
};

}  // namespace tensorhold::hold
