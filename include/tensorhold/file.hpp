// Opening safetensors files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensorhold/error.hpp"
#include "tensorhold/export.hpp"
#include "tensorhold/options.hpp"
#include "tensorhold/path.hpp"
#include "tensorhold/release.hpp"
#include "tensorhold/tensor.hpp"

namespace tensorhold {
inline namespace v0 {

/// What a header says of one tensor. Views into the File that gave it.
struct TensorInfo {
  std::string_view name;
  Dtype dtype = Dtype::u8;
  std::span<const std::uint64_t> shape;
  std::uint64_t offset = 0;  ///< of the first byte, from the start of the file
  std::uint64_t nbytes = 0;
};

/// One tensor's destination in File::copy_to.
struct Destination {
  std::string_view name;
  std::span<std::byte> bytes;  ///< exactly the tensor's nbytes
};

/// What became of an open file.
enum class FileState : std::uint8_t {
  unchanged,  ///< identity, size and time of change are as they were at open. No proof that the
              ///< bytes are: stores through another's shared mapping need not move a time
  modified,   ///< changed in place: tensors may mix old and new bytes
  truncated,  ///< made shorter: mapped tensors may have lost bytes
  replaced,   ///< another file stands at the path; tensors keep the bytes of theirs
  deleted,    ///< nothing stands at the path; tensors keep their bytes
  damaged     ///< OpenOptions::guard put zeros in the place of lost bytes; for good
};

/// An open safetensors file whose header was read and checked. A handle, cheap to copy; copies are
/// the same open file. Thread-safe like Tensor.
class TENSORHOLD_API File {
 public:
  /// An empty handle; only assignment, destruction and valid() may be used on it.
  File() noexcept = default;
  [[nodiscard]] bool valid() const noexcept { return impl_ != nullptr; }

  /// Number of tensors.
  [[nodiscard]] std::size_t size() const noexcept;
  /// The tensor of that name; tensor_not_found names the closest ones. closed, released: see there.
  [[nodiscard]] Tensor operator[](std::string_view name) const;
  /// The tensor at a position in offset order. Precondition: index < size().
  [[nodiscard]] Tensor at(std::size_t index) const;
  [[nodiscard]] Result<Tensor> try_get(std::string_view name) const noexcept;
  [[nodiscard]] bool contains(std::string_view name) const noexcept;
  /// Position of a name in offset order.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const noexcept;
  /// What the header says of the tensor at a position in offset order. Precondition: index <
  /// size().
  [[nodiscard]] TensorInfo info(std::size_t index) const& noexcept;
  TensorInfo info(std::size_t index) const&& = delete;
  /// All names, sorted by bytes. Views into this File.
  [[nodiscard]] std::vector<std::string_view> keys() const&;
  std::vector<std::string_view> keys() const&& = delete;

  /// A writable view of the tensor: private to this process, in a mapping of its own that read-only
  /// tensors never share. With owned access, an owned copy.
  [[nodiscard]] Tensor writable(std::string_view name) const;

  /// Copies tensors into the caller's memory, in offset order whatever the order given.
  void copy_to(std::span<const Destination> destinations) const;

  /// With owned access: reads all tensors now, by large parallel reads, so that later none waits.
  /// What is read goes with the tensor's last handle, or with the end of this open file. Without
  /// owned access nothing happens. For tensors of one's own, or some of them: Plan (load.hpp).
  /// Raises what Plan::load raises.
  void load(const LoadOptions& options = {}) const;
  [[nodiscard]] Result<void> try_load(const LoadOptions& options = {}) const noexcept;
  /// Brings tensors in ahead of their use, in the order given: with mapped access into the system's
  /// cache, with owned access into memory. Stops before the first that memory_budget, or what the
  /// machine and its containers leave, has no room for. Returns the bytes that were read.
  std::uint64_t prefetch(std::span<const std::string_view> names,
                         const LoadOptions& options = {}) const;
  [[nodiscard]] Result<std::uint64_t> try_prefetch(std::span<const std::string_view> names,
                                                   const LoadOptions& options = {}) const noexcept;

  /// `__metadata__` in file order. Views into this File.
  [[nodiscard]] std::span<const std::pair<std::string_view, std::string_view>> metadata()
      const& noexcept;
  std::span<const std::pair<std::string_view, std::string_view>> metadata() const&& = delete;
  /// True: the header has `__metadata__`, even an empty one.
  [[nodiscard]] bool has_metadata() const noexcept;
  [[nodiscard]] std::optional<std::string_view> metadata(std::string_view key) const& noexcept;
  std::optional<std::string_view> metadata(std::string_view key) const&& = delete;

  /// Path given to open, UTF-8; empty for bytes in memory.
  [[nodiscard]] const std::string& path() const& noexcept;
  /// The access in use: mapped or owned, never automatic.
  [[nodiscard]] Access access() const noexcept;
  /// Why that access was chosen, one sentence.
  [[nodiscard]] const std::string& why() const& noexcept;
  /// Bytes of the whole file, of its header (without the 8 length bytes), and, with
  /// OpenOptions::lenient, after the last tensor.
  [[nodiscard]] std::uint64_t file_bytes() const noexcept;
  [[nodiscard]] std::uint64_t header_bytes() const noexcept;
  [[nodiscard]] std::uint64_t trailing_bytes() const noexcept;

  /// Ends this open file for all copies of the handle: new tensors are refused (closed), metadata
  /// stays readable, tensors already handed out stay valid and keep holding the file. Without any,
  /// the file is free at the return; else when the last of them is dropped. Memory of pages that
  /// only others had goes at once, where the system can.
  void close() const noexcept;
  /// True: closed or released, so that no new tensor can be had.
  [[nodiscard]] bool closed() const noexcept;

  /// Lets go of the file in place: the bytes of live tensors become private memory at the same
  /// addresses, then this process holds the file no more through this open. As
  /// tensorhold::release(), for one open file.
  Released release(const ReleaseOptions& options = {}) const;

  /// Compares the file, and what stands at its path, with what was opened: identity, size and time
  /// of the last change. A change in place within the filesystem's clock tick may go unseen, and so
  /// may stores through a shared mapping of another process, which move the time only when they
  /// touch a page for the first time since it was written to the disk. Raises what looking at the
  /// path raises.
  [[nodiscard]] FileState check() const;

  struct Impl;

 private:
  friend struct FileAccess;
  explicit File(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

/// Opens a file: reads and checks its header, no tensor. Raises io errors (1xx) and format errors
/// (2xx).
[[nodiscard]] TENSORHOLD_API File open(const Path& path, const OpenOptions& options = {});
[[nodiscard]] TENSORHOLD_API Result<File> try_open(const Path& path,
                                                   const OpenOptions& options = {}) noexcept;

/// Opens a descriptor (a C runtime one on Windows), which is duplicated and stays the caller's.
/// `name` stands for the path in messages. Raises what open() raises, and invalid_argument for a
/// descriptor that is not of a regular file that is open for reading.
[[nodiscard]] TENSORHOLD_API File open_fd(int descriptor, const OpenOptions& options = {},
                                          const std::string& name = "");

/// Opens bytes in memory. `owner` is kept for as long as tensors need the bytes; without one the
/// bytes are copied. The bytes must not change meanwhile.
[[nodiscard]] TENSORHOLD_API File open_bytes(std::span<const std::byte> bytes,
                                             std::shared_ptr<const void> owner = nullptr,
                                             const OpenOptions& options = {});

}  // namespace v0
}  // namespace tensorhold
