// Writing a file piece by piece: models larger than memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensorhold/dtype.hpp"
#include "tensorhold/error.hpp"
#include "tensorhold/export.hpp"
#include "tensorhold/options.hpp"
#include "tensorhold/path.hpp"
#include "tensorhold/save.hpp"

namespace tensorhold {
inline namespace v0 {

/// A tensor whose bytes will come later.
struct TensorLayout {
  std::string name;
  Dtype dtype = Dtype::u8;
  std::vector<std::uint64_t> shape;  ///< extents, outermost first
};

/// A file in the making. All tensors are declared first; then their bytes are written in any order
/// and in pieces of any size, from several threads at once, and commit() puts the file in place as
/// save() does: in one step, byte-identical to what save() writes. Until then nothing stands at the
/// path that was not there before, and a Writer that ends without commit() leaves nothing behind.
/// Takes at most 64 MiB of memory besides the header, whatever is written.
///
/// Thread-safe: write(), write_at() and the questions may be called from any thread. Between
/// threads are shared: which ranges were written (one lock, not held while bytes are written), the
/// buffers, the counts, and `progress`. Moving, and destruction, are for one thread when no other
/// is in a call.
class TENSORHOLD_API Writer {
 public:
  /// Lays the file out, reserves room for all of it and writes the header. Raises what save()
  /// raises for names, shapes, metadata, options and the path.
  Writer(const Path& path, std::span<const TensorLayout> tensors,
         const std::optional<Metadata>& metadata = std::nullopt, const SaveOptions& options = {});
  Writer(Writer&& other) noexcept;
  Writer& operator=(Writer&& other) noexcept;
  /// abandon(), unless committed.
  ~Writer();

  [[nodiscard]] static Result<Writer> try_create(
      const Path& path, std::span<const TensorLayout> tensors,
      const std::optional<Metadata>& metadata = std::nullopt,
      const SaveOptions& options = {}) noexcept;

  /// The whole tensor: row-major, in the byte order of the machine. On return the bytes may be
  /// changed. Raises tensor_not_found, size_differs, already_written (also while another thread
  /// writes them), closed, cancelled, truncated, no_space, io_error. After an error of its own the
  /// range counts as not written, and may be written again.
  void write(std::string_view name, std::span<const std::byte> bytes);
  /// Part of the tensor, from its byte `offset`. Besides, raises invalid_slice for what is not
  /// inside the tensor, and on big-endian machines for what is not whole elements.
  void write_at(std::string_view name, std::uint64_t offset, std::span<const std::byte> bytes);
  [[nodiscard]] Result<void> try_write(std::string_view name,
                                       std::span<const std::byte> bytes) noexcept;
  [[nodiscard]] Result<void> try_write_at(std::string_view name, std::uint64_t offset,
                                          std::span<const std::byte> bytes) noexcept;

  /// Puts the file in place. Raises incomplete, with the first tensor that misses bytes, and what
  /// save() raises; then the Writer is as before, and commit() may be called again, but for two
  /// cases in which it has ended (is_open() is false): not_durable, where the file is in place; and
  /// a sync that failed (io_error, no_space), after which nothing that was written counts. Systems
  /// forget the bytes that they could not write, and the next sync would succeed over zeros. Write
  /// such a file again with a new Writer.
  void commit();
  [[nodiscard]] Result<void> try_commit() noexcept;

  /// Ends the work; nothing is left of it once the writes of other threads that are under way have
  /// ended. Does nothing after commit().
  void abandon() noexcept;

  /// Bytes of all tensors, and those of them that were written.
  [[nodiscard]] std::uint64_t nbytes() const noexcept;
  [[nodiscard]] std::uint64_t written() const noexcept;
  /// Names of the tensors that miss bytes, in the order of the file.
  [[nodiscard]] std::vector<std::string> missing() const;
  /// True until commit() has put the file in place or lost it, or abandon().
  [[nodiscard]] bool is_open() const noexcept;

 private:
  struct Impl;
  explicit Writer(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace v0
}  // namespace tensorhold
