// A tensor of a file, or an owned one, and a slice of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "tensorhold/dtype.hpp"
#include "tensorhold/error.hpp"
#include "tensorhold/export.hpp"
#include "tensorhold/slice.hpp"

namespace tensorhold {
namespace hold {
class Block;
}
inline namespace v0 {

class Slice;

/// A tensor: dtype, shape and bytes, row-major and little-endian. A handle, cheap to copy (one
/// atomic increment), which keeps its bytes valid at one address for as long as any copy of it
/// lives; the File may be gone. Thread-safe: const members may be called, and copies made and
/// dropped, from any thread; one Tensor object must not be assigned while another thread uses that
/// same object.
class TENSORHOLD_API Tensor {
 public:
  /// An empty handle; only assignment, destruction and valid() may be used on it.
  Tensor() noexcept = default;
  Tensor(const Tensor& other) noexcept;
  Tensor(Tensor&& other) noexcept;
  Tensor& operator=(const Tensor& other) noexcept;
  Tensor& operator=(Tensor&& other) noexcept;
  ~Tensor();

  /// A new owned tensor, all bits zero, writable, aligned to 64 bytes. Raises shape_overflow,
  /// partial_byte, out_of_memory.
  [[nodiscard]] static Tensor owned(std::string_view name, Dtype dtype,
                                    std::span<const std::uint64_t> shape);

  [[nodiscard]] bool valid() const noexcept { return block_ != nullptr; }
  /// Name in the file; an owned copy keeps the name of what it was copied from. Valid while this
  /// lives.
  [[nodiscard]] std::string_view name() const& noexcept;
  std::string_view name() const&& = delete;
  [[nodiscard]] Dtype dtype() const noexcept;
  /// Extents, outermost first; empty for a scalar. Valid while this lives.
  [[nodiscard]] std::span<const std::uint64_t> shape() const& noexcept;
  std::span<const std::uint64_t> shape() const&& = delete;
  /// Number of elements.
  [[nodiscard]] std::uint64_t size() const noexcept;
  [[nodiscard]] std::uint64_t nbytes() const noexcept;

  /// True: the bytes are pages of the file. False: private memory (owned, or released).
  [[nodiscard]] bool mapped() const noexcept;

  /// The bytes, in place. With owned access the first call reads them, and raises what reading
  /// raises (io_error, unexpected_end, out_of_memory); later calls and other accesses never fail.
  [[nodiscard]] std::span<const std::byte> bytes() const&;
  std::span<const std::byte> bytes() const&& = delete;

  /// Whether writable_bytes() gives them.
  [[nodiscard]] bool writable() const noexcept;
  /// The bytes of a writable view (File::writable) or of an owned copy; private to this process,
  /// never reach the file. invalid_argument on a read-only tensor.
  [[nodiscard]] std::span<std::byte> writable_bytes() const&;
  std::span<std::byte> writable_bytes() const&& = delete;

  /// The elements, in place. dtype_mismatch when T is not the dtype's type; misaligned when the
  /// file placed the data at an address that T cannot have (copy() gives an aligned one);
  /// swapped_bytes on a big-endian machine when T has more than one byte and the bytes are not an
  /// owned copy.
  template <class T>
  [[nodiscard]] std::span<const T> as() const& {
    return {static_cast<const T*>(typed(dtype_of<T>, alignof(T))),
            static_cast<std::size_t>(size())};
  }
  template <class T>
  std::span<const T> as() const&& = delete;

  /// An owned tensor with the same name, dtype, shape and values, aligned to 64 bytes and writable.
  /// Reads of a mapping that lost its file end in an error (truncated), never in a signal.
  [[nodiscard]] Tensor copy() const;

  /// Copies the bytes into `destination`, which must have exactly nbytes() (size_differs).
  void copy_to(std::span<std::byte> destination) const;

  /// A part; see Index. invalid_slice when the shape has no such part, or when a sub-byte dtype's
  /// part does not start and end on whole bytes.
  [[nodiscard]] Slice slice(std::initializer_list<Index> indices) const;
  [[nodiscard]] Slice slice(std::span<const Index> indices) const;

  /// Internal: the handle that the library's layers pass on.
  struct Access;

 private:
  [[nodiscard]] const void* typed(Dtype wanted, std::size_t alignment) const;

  hold::Block* block_ = nullptr;
  std::uint32_t index_ = 0;
};

/// A part of a tensor, not yet copied. Keeps the tensor's bytes alive; as safe to share as a
/// Tensor.
class TENSORHOLD_API Slice {
 public:
  [[nodiscard]] Dtype dtype() const noexcept { return tensor_.dtype(); }
  /// Extents of the result; single indices have dropped their dimension. Valid while this lives.
  [[nodiscard]] std::span<const std::uint64_t> shape() const& noexcept { return shape_; }
  std::span<const std::uint64_t> shape() const&& = delete;
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint64_t nbytes() const noexcept { return nbytes_; }
  /// True: the part is one run of bytes, so bytes() and as() give a view.
  [[nodiscard]] bool contiguous() const noexcept { return contiguous_; }

  /// A view of a contiguous part; not_contiguous otherwise.
  [[nodiscard]] std::span<const std::byte> bytes() const&;
  std::span<const std::byte> bytes() const&& = delete;
  /// As Tensor::as, for a contiguous part.
  template <class T>
  [[nodiscard]] std::span<const T> as() const& {
    return {static_cast<const T*>(typed(dtype_of<T>, alignof(T))),
            static_cast<std::size_t>(size())};
  }
  template <class T>
  std::span<const T> as() const&& = delete;

  /// The part, gathered into an owned tensor, aligned to 64 bytes. With owned access of a tensor
  /// that was not read yet, only the runs that the part needs are read.
  [[nodiscard]] Tensor copy() const;
  /// As copy(), into `destination` of exactly nbytes() (size_differs).
  void copy_to(std::span<std::byte> destination) const;

 private:
  friend class Tensor;
  Slice() = default;
  [[nodiscard]] const void* typed(Dtype wanted, std::size_t alignment) const;

  // The part as nested loops over the tensor's bytes: `run_bytes_` contiguous bytes, repeated over
  // `counts_` with `strides_` (bytes, outermost first), the first at `offset_`.
  Tensor tensor_;
  std::vector<std::uint64_t> shape_;
  std::vector<std::uint64_t> counts_;
  std::vector<std::uint64_t> strides_;
  std::uint64_t offset_ = 0;
  std::uint64_t run_bytes_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t nbytes_ = 0;
  bool contiguous_ = false;
};

}  // namespace v0
}  // namespace tensorhold
