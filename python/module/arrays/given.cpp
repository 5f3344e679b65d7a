#include "given.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tensorhold_python {
namespace {

[[noreturn]] void refuse(std::string_view name, const std::string& why) {
  throw nb::type_error(("tensor \"" + shown(name) + "\": " + why).c_str());
}

constexpr const char* other_ways = "; convert the array, or pass its bytes";

std::string shown(th::Dtype dtype, std::span<const std::uint64_t> shape) {
  std::string text = std::string(th::to_string(dtype)) + " (";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

/// Whether an array with a dtype is in this machine's byte order.
bool is_native(nb::handle array) {
  return nb::cast<bool>(nb::bool_(nb::getattr(array.attr("dtype"), "isnative", nb::bool_(true))));
}

/// Elements along one axis, `stride` bytes apart, one after the other into `to`.
template <std::size_t size>
void gather_line(const std::byte* from, Py_ssize_t count, Py_ssize_t stride, std::byte* to) {
  for (Py_ssize_t i = 0; i < count; ++i) {
    std::memcpy(to, from, size);
    to += size;
    from += stride;
  }
}

/// The view's elements from `axis` on, row-major. Gives where the next ones go. Needs no GIL.
std::byte* gather(const Py_buffer& view, int axis, const std::byte* from, std::byte* to) {
  const Py_ssize_t count = view.shape[axis];
  const Py_ssize_t stride = view.strides[axis];
  if (axis + 1 < view.ndim) {
    for (Py_ssize_t i = 0; i < count; ++i, from += stride) to = gather(view, axis + 1, from, to);
    return to;
  }
  switch (stride == view.itemsize ? 0 : view.itemsize) {
    case 1:
      gather_line<1>(from, count, stride, to);
      break;
    case 2:
      gather_line<2>(from, count, stride, to);
      break;
    case 4:
      gather_line<4>(from, count, stride, to);
      break;
    case 8:
      gather_line<8>(from, count, stride, to);
      break;
    default:  // in one run: every dtype with a format has one of the sizes above
      std::memcpy(to, from, static_cast<std::size_t>(count * view.itemsize));
  }
  return to + count * view.itemsize;
}

/// Whether the format's elements are in the order that is not this machine's.
bool is_swapped(std::string_view format, Py_ssize_t itemsize) noexcept {
  if (format.empty() || itemsize < 2) return false;
  constexpr bool little = std::endian::native == std::endian::little;
  return little ? format.front() == '>' || format.front() == '!' : format.front() == '<';
}

/// What frameworks export is asked of their adapters, which know their dtypes, devices and views
/// without memory; NumPy's arrays are read here.
bool is_of_framework(nb::handle object) {
  if (PyObject_CheckBuffer(object.ptr()) == 0) return true;
  return nb::hasattr(object, "__dlpack__") && !nb::hasattr(object, "__array_struct__");
}

}  // namespace

std::optional<th::Dtype> dtype_of_format(std::string_view format, Py_ssize_t itemsize) {
  if (is_swapped(format, itemsize)) return std::nullopt;
  if (!format.empty() && std::string_view("@=<>!").find(format.front()) != std::string_view::npos)
    format.remove_prefix(1);
  if (format == "l" || format == "n") return itemsize == 8 ? th::Dtype::i64 : th::Dtype::i32;
  if (format == "L" || format == "N") return itemsize == 8 ? th::Dtype::u64 : th::Dtype::u32;
  if (format == "c") return th::Dtype::u8;
  for (std::size_t i = 0; i < th::dtype_count; ++i) {
    const auto dtype = static_cast<th::Dtype>(i);
    const char* const known = struct_format(dtype);
    if (known != nullptr && format == known &&
        itemsize == static_cast<Py_ssize_t>(th::bits_of(dtype) / 8))
      return dtype;
  }
  return std::nullopt;
}

std::span<const std::byte> memory_of(const Py_buffer& view) noexcept {
  const auto* begin = static_cast<const std::byte*>(view.buf);
  if (view.len == 0 || view.ndim == 0 || view.strides == nullptr)
    return {begin, static_cast<std::size_t>(view.len)};
  const std::byte* end = begin + view.itemsize;
  for (int i = 0; i < view.ndim; ++i) {
    const Py_ssize_t reach = (view.shape[i] - 1) * view.strides[i];
    (reach < 0 ? begin : end) += reach;
  }
  return {begin, end};
}

Given::Given(std::string_view name, nb::handle object, Use use) {
  if (!nb::isinstance<PyTensor>(object)) {
    const nb::object parts = use == Use::read && is_of_framework(object)
                                 ? package("tensorhold._foreign", "parts_of")(name, object)
                                 : nb::none();
    if (parts.is_none())
      take_array(name, object, use);
    else
      take_parts(parts);
    return;
  }
  const th::Tensor& tensor = nb::cast<const PyTensor&>(object).tensor;
  dtype_ = tensor.dtype();
  shape_.assign(tensor.shape().begin(), tensor.shape().end());
  buffer_.emplace(object, use == Use::fill ? PyBUF_WRITABLE : PyBUF_SIMPLE);
  bytes_ = buffer_->bytes();
}

void Given::take_array(std::string_view name, nb::handle object, Use use) {
  if (PyObject_CheckBuffer(object.ptr()) == 0)
    refuse(
        name,
        std::string("what is given is a ") + Py_TYPE(object.ptr())->tp_name +
            ", neither a Tensor, nor a framework's tensor, nor an array with the buffer protocol");
  const int layout = use == Use::fill ? PyBUF_ND | PyBUF_WRITABLE : PyBUF_INDIRECT;
  std::optional<th::Dtype> extended;
  try {
    buffer_.emplace(object, layout | PyBUF_FORMAT);
  } catch (nb::python_error& error) {
    // Where the format is what is missing, NumPy says ValueError, as it does for much else, or
    // TypeError of its scalars.
    if (!error.matches(PyExc_ValueError) && !error.matches(PyExc_TypeError)) throw;
    if (!nb::hasattr(object, "dtype")) throw;
    extended = extended_dtype_of(object);
    if (!extended && use == Use::read)
      refuse(name, std::string(nb::str(error.value()).c_str()) + other_ways);
    if (!extended) throw;
  }
  if (extended) buffer_.emplace(object, layout);
  if (use == Use::read && nb::hasattr(object, "__array_struct__"))
    package("tensorhold._numpy_memory", "require_memory")(name, object);
  const Py_buffer& view = buffer_->view();
  const std::string_view format = view.format == nullptr ? "B" : view.format;
  const bool swapped =
      extended ? view.itemsize > 1 && !is_native(object) : is_swapped(format, view.itemsize);
  const auto dtype =
      extended ? extended : dtype_of_format(swapped ? format.substr(1) : format, view.itemsize);
  if (!dtype)
    refuse(name,
           "no dtype stands for elements of format \"" + std::string(format) + "\"" + other_ways);
  if (swapped && use == Use::fill)
    refuse(name, "the array is in the other byte order; give one in this machine's");
  dtype_ = *dtype;
  for (int i = 0; i < view.ndim; ++i) shape_.push_back(static_cast<std::uint64_t>(view.shape[i]));
  plain_ = dtype_ == th::Dtype::u8 && shape_.size() == 1;
  bytes_ = buffer_->bytes();
  if (PyBuffer_IsContiguous(&view, 'C') == 0 || swapped) pack();
  if (swapped) swap();
}

void Given::take_parts(nb::handle parts) {
  dtype_ = dtype_of_name(utf8_of(nb::object(parts[0])));
  shape_ = shape_of(parts[1]);
  buffer_.emplace(parts[2], PyBUF_SIMPLE);
  kept_ = parts[3];
  bytes_ = buffer_->bytes();
  plain_ = dtype_ == th::Dtype::u8 && shape_.size() == 1;
}

void Given::pack() {
  const Py_buffer& view = buffer_->view();
  const auto size = static_cast<std::size_t>(view.len);
  copy_ = std::make_unique_for_overwrite<std::byte[]>(size);
  bytes_ = {copy_.get(), size};
  if (PyBuffer_IsContiguous(&view, 'C') != 0) {
    without_gil([&] { std::ranges::copy(buffer_->bytes(), copy_.get()); });
    return;
  }
  if (view.suboffsets == nullptr) {
    without_gil([&] {
      gather(view, 0, static_cast<const std::byte*>(view.buf), copy_.get());
      th::require_bytes(memory_of(view));
    });
    return;
  }
  Py_buffer same = view;  // Python 3.10 has no const there
  if (PyBuffer_ToContiguous(copy_.get(), &same, view.len, 'C') != 0) throw nb::python_error();
}

void Given::swap() {
  // Of a complex number each part by itself.
  const std::size_t size = th::bits_of(dtype_) / (dtype_ == th::Dtype::c64 ? 16 : 8);
  without_gil([&] {
    for (std::size_t i = 0; i < bytes_.size(); i += size)
      std::ranges::reverse(bytes_.subspan(i, size));
  });
}

void Given::check(std::string_view name, th::Dtype dtype,
                  std::span<const std::uint64_t> shape) const {
  if (plain_) return;
  std::uint64_t size = 1;  // of a tensor that fits in the file
  for (const std::uint64_t extent : shape) size *= extent;
  const bool flat = shape_.size() == 1 && shape_.front() == size;
  if (dtype_ == dtype && (flat || std::ranges::equal(shape_, shape))) return;
  std::uint64_t given = 1;
  for (const std::uint64_t extent : shape_) given *= extent;
  const bool reshaped = dtype_ == dtype && given == size;
  throw th::Error({.code = dtype_ != dtype ? th::Code::dtype_mismatch
                           : reshaped      ? th::Code::invalid_argument
                                           : th::Code::size_differs,
                   .reason = "what is given is " + shown(dtype_, shape_) + ", the tensor is " +
                             shown(dtype, shape),
                   .advice = "Give an array of the tensor's dtype and shape, or plain bytes.",
                   .tensor = std::string(name)});
}

void Given::check_part(std::string_view name, th::Dtype dtype) const {
  if (plain_ || dtype_ == dtype) return;
  throw th::Error({.code = th::Code::dtype_mismatch,
                   .reason = "what is given is " + shown(dtype_, shape_) + ", the tensor is " +
                             std::string(th::to_string(dtype)),
                   .advice = "Give elements of the tensor's dtype, or plain bytes.",
                   .tensor = std::string(name)});
}

}  // namespace tensorhold_python
