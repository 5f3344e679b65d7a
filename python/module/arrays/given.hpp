// Arrays that callers give for a tensor, or for its bytes to be put into.
#pragma once

#include "../shared/module.hpp"

namespace tensorhold_python {

/// A dtype for one element of a buffer, by the struct module's format, in this machine's byte
/// order.
[[nodiscard]] std::optional<th::Dtype> dtype_of_format(std::string_view format,
                                                       Py_ssize_t itemsize);

/// The memory from the first to the last element of a buffer without suboffsets.
[[nodiscard]] std::span<const std::byte> memory_of(const Py_buffer& view) noexcept;

/// The elements of a Tensor, of an object with the buffer protocol, or of a framework's tensor,
/// held until this goes, which takes the GIL.
class Given {
 public:
  enum class Use : std::uint8_t {
    read,  ///< elements that do not lie row-major, or in another byte order, are copied first
    fill   ///< they must lie row-major, and be writable
  };

  /// `name` is the tensor's, for the TypeError that refuses elements of no dtype of the format, or
  /// an object without a buffer. Needs the GIL.
  Given(std::string_view name, nb::handle object, Use use = Use::read);
  Given(Given&&) = delete;
  Given& operator=(Given&&) = delete;
  ~Given() = default;

  [[nodiscard]] th::Dtype dtype() const noexcept { return dtype_; }
  [[nodiscard]] std::span<const std::uint64_t> shape() const noexcept { return shape_; }
  /// Row-major.
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }
  /// Nothing is known of the elements: bytes in one dimension, and no Tensor.
  [[nodiscard]] bool plain() const noexcept { return plain_; }

  /// Refuses (dtype_mismatch, size_differs, invalid_argument) what is not the whole tensor: another
  /// dtype, or another shape. Elements in one dimension may be a tensor of any shape, and plain
  /// bytes any tensor; of those, the library checks the size.
  void check(std::string_view name, th::Dtype dtype, std::span<const std::uint64_t> shape) const;
  /// As check(), for a part of the tensor: the dtype alone.
  void check_part(std::string_view name, th::Dtype dtype) const;

 private:
  void take_array(std::string_view name, nb::handle object, Use use);
  /// (dtype, shape, buffer, what keeps it)
  void take_parts(nb::handle parts);
  void pack();
  /// Turns the byte order of each element round.
  void swap();

  nb::object kept_;
  std::optional<Buffer> buffer_;
  std::unique_ptr<std::byte[]> copy_;
  std::span<std::byte> bytes_;
  th::Dtype dtype_ = th::Dtype::u8;
  std::vector<std::uint64_t> shape_;
  bool plain_ = false;
};

}  // namespace tensorhold_python
