// Threads that bring tensors in, unit by unit.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "hold/memory/owned_memory.hpp"
#include "load/direct_path.hpp"
#include "load/read_units.hpp"
#include "os/file/file.hpp"
#include "tensor/part_catalog.hpp"
#include "tensorhold/options.hpp"

namespace tensorhold::hold {
class MappedBlock;
}

namespace tensorhold::io {

/// Where the bytes of a file come from: the file, or memory that has all of it.
struct ByteSource {
  std::shared_ptr<const os::File> file = {};  ///< null: memory
  /// Tried first, for a file that is not all in the system's cache; else null.
  std::shared_ptr<const DirectPath> direct = {};
  bool cached = false;  ///< the system's cache is known to have it
  const std::byte* memory = nullptr;
  std::shared_ptr<const void> keep = {};  ///< of what owns the memory
  std::string path = {};                  ///< for errors
  /// Of the same open, where its mapping may come to show another content than the file's handle
  /// reads; `keep` keeps what is wanted of it. Else null.
  const hold::MappedBlock* mapping = nullptr;

  /// As os::File::read_at; what tensors of the mapping show, when the two differ.
  void read_at(std::uint64_t offset, std::span<const std::span<std::byte>> pieces) const;
  /// The same for memory that lies in its pages as in the file's (DirectPath::read_in_place()).
  void read_in_place(std::uint64_t offset, std::span<std::byte> to) const;

 private:
  void read_file(std::uint64_t offset, std::span<const std::span<std::byte>> pieces) const;
  template <class Read>
  void read_as_mapped(std::uint64_t offset, std::span<const std::span<std::byte>> pieces,
                      const Read& read) const;
};

/// What becomes of the bytes.
enum class Into : std::uint8_t {
  memory,        ///< fresh memory for each tensor, which is taken from the reading
  destinations,  ///< memory that the caller gave
  nowhere        ///< they are read, so that the system's cache has them
};

struct ReadingOptions {
  Into into = Into::memory;
  /// One for each, of its nbytes; for Into::destinations.
  std::span<const std::span<std::byte>> destinations = {};
  std::uint64_t unit_bytes = 0;
  /// Bytes of tensors that were begun and not taken; next() takes them.
  std::uint64_t most_ahead = std::numeric_limits<std::uint64_t>::max();
  bool streams = false;  ///< next() will be called
  bool swaps = true;     ///< bytes get the machine's order
  StopToken stop = {};
};

/// What is read, and how far it came.
///
/// Threads call step() until it says that nothing is left to do for them. Shared between them:
/// under `mutex_`, which unit is next, memory that a stream allocates, what is complete and what
/// failed; and counts of what is left of each tensor. Bytes of a tensor are written by the threads
/// that have its units, and seen by others after its count went to 0.
class Reading {
 public:
  Reading(std::shared_ptr<const tensor::PartCatalog> wanted, ByteSource source,
          const ReadingOptions& options);

  /// Brings in one unit, or waits for room to do so; false when there is none left or it failed.
  bool step() noexcept;
  /// Ends all reading with the next look.
  void cancel() noexcept;

  [[nodiscard]] std::size_t unit_count() const noexcept { return units_.list.size(); }
  [[nodiscard]] std::uint64_t nbytes() const noexcept { return units_.nbytes; }
  [[nodiscard]] std::uint64_t done_bytes() const noexcept {
    return done_bytes_.load(std::memory_order_relaxed);
  }
  /// Raises what went wrong first, once no thread is in step().
  void check() const;
  /// The memory of a complete tensor. Asked once for each, after check() or from next().
  [[nodiscard]] hold::OwnedMemory take(std::size_t index) noexcept;

  /// Waits for a tensor that is complete and was not given yet, in no promised order; nothing after
  /// the last. `help`: no other thread calls step(), so this one does. Raises what went wrong.
  [[nodiscard]] std::optional<std::size_t> next(bool help);

 private:
  [[nodiscard]] const Unit* claim();
  [[nodiscard]] bool has_room(const Unit& unit) const noexcept;
  void begin(const Unit& unit);
  void read(const Unit& unit) const;
  void read_group(const Unit& unit) const;
  void read_piece(const Unit& unit) const;
  [[nodiscard]] bool owns_pages(const Unit& unit) const noexcept;
  void read_rows(const Unit& unit) const;
  void read_nowhere(const Unit& unit) const;
  void complete(const Unit& unit);
  void fail() noexcept;
  [[nodiscard]] std::span<std::byte> destination(std::size_t index) const noexcept;
  [[nodiscard]] std::exception_ptr named(std::exception_ptr failure, const Unit& unit) const;

  const std::shared_ptr<const tensor::PartCatalog> wanted_;
  const ByteSource source_;
  const ReadingOptions options_;
  const Units units_;
  std::unique_ptr<std::atomic<std::uint32_t>[]> left_;  // units, for each position
  std::atomic<std::uint64_t> done_bytes_ = 0;

  std::mutex mutex_;  // guards what follows, but the bytes in the memory
  std::condition_variable room_;
  std::condition_variable ready_;
  std::vector<hold::OwnedMemory> memory_;  // null before it is begun and after it was taken
  std::size_t next_unit_ = 0;
  std::uint64_t ahead_ = 0;
  std::deque<std::size_t> complete_;
  std::size_t given_ = 0;
  bool cancelled_ = false;
  std::exception_ptr failure_;

 public:
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading();
};

}  // namespace tensorhold::io
