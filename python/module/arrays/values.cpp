// Elements as Python numbers.
#include <algorithm>
#include <array>
#include <cstring>

#include "../shared/module.hpp"

namespace tensorhold_python {
namespace {

template <class T>
T element(const std::byte* bytes, std::uint64_t index) noexcept {
  T value;
  std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
  return value;
}

/// The elements of one tensor, in the machine's byte order.
class Elements {
 public:
  explicit Elements(const th::Tensor& tensor)
      : tensor_(safe(tensor)),
        dtype_(tensor.dtype()),
        size_(tensor.size()),
        bytes_(bytes_of(tensor_)) {}

  [[nodiscard]] nb::object at(std::uint64_t index) const {
    const std::byte* const bytes = bytes_.data();
    switch (dtype_) {
      case th::Dtype::boolean:
        return nb::bool_(element<std::uint8_t>(bytes, index) != 0);
      case th::Dtype::u8:
        return nb::int_(element<std::uint8_t>(bytes, index));
      case th::Dtype::i8:
        return nb::int_(element<std::int8_t>(bytes, index));
      case th::Dtype::u16:
        return nb::int_(element<std::uint16_t>(bytes, index));
      case th::Dtype::i16:
        return nb::int_(element<std::int16_t>(bytes, index));
      case th::Dtype::u32:
        return nb::int_(element<std::uint32_t>(bytes, index));
      case th::Dtype::i32:
        return nb::int_(element<std::int32_t>(bytes, index));
      case th::Dtype::u64:
        return nb::int_(element<std::uint64_t>(bytes, index));
      case th::Dtype::i64:
        return nb::int_(element<std::int64_t>(bytes, index));
      case th::Dtype::c64:
        return complex(element<float>(bytes, 2 * index), element<float>(bytes, 2 * index + 1));
      default:
        return nb::float_(real(index));
    }
  }

 private:
  static nb::object complex(double real, double imaginary) {
    nb::object value = nb::steal(PyComplex_FromDoubles(real, imaginary));
    if (!value.is_valid()) throw nb::python_error();
    return value;
  }

  /// to_doubles counts from whole bytes, so elements are converted eight at a time.
  [[nodiscard]] double real(std::uint64_t index) const {
    constexpr std::uint64_t group = 8;
    std::array<double, group> values{};
    const std::uint64_t first = index - index % group;
    const std::size_t count = static_cast<std::size_t>(std::min(group, size_ - first));
    const std::uint64_t offset = first / group * th::bits_of(dtype_);  // 8 elements, bits/8 each
    th::to_doubles(dtype_, bytes_.subspan(static_cast<std::size_t>(offset)),
                   std::span(values).first(count));
    return values[static_cast<std::size_t>(index % group)];
  }

  th::Tensor tensor_;
  th::Dtype dtype_;
  std::uint64_t size_;
  std::span<const std::byte> bytes_;
};

/// Lists within lists, row-major. Without recursion: a file may say any number of dimensions.
nb::object nested(const Elements& elements, std::span<const std::uint64_t> shape) {
  std::uint64_t next = 0;
  if (shape.empty()) return elements.at(next);
  struct Level {
    nb::list list;
    std::uint64_t left;  // of its extent
  };
  std::vector<Level> open;  // one for each dimension that was begun
  open.push_back({nb::list(), shape.front()});
  for (;;) {
    Level& inner = open.back();
    if (inner.left == 0) {
      const nb::list done = std::move(inner.list);
      open.pop_back();
      if (open.empty()) return done;
      open.back().list.append(done);
    } else if (--inner.left, open.size() == shape.size()) {
      inner.list.append(elements.at(next++));
    } else {
      open.push_back({nb::list(), shape[open.size()]});
    }
  }
}

}  // namespace

nb::object to_list(const PyTensor& self) {
  return nested(Elements(self.tensor), self.tensor.shape());
}

nb::object to_item(const PyTensor& self) {
  if (self.tensor.size() != 1)
    throw nb::value_error(("item() is for one element; the tensor has " +
                           std::to_string(self.tensor.size()) + "; use tolist()")
                              .c_str());
  return Elements(self.tensor).at(0);
}

nb::object to_number(const PyTensor& self, Number kind) {
  const th::Dtype dtype = self.tensor.dtype();
  const bool whole = dtype == th::Dtype::u8 || dtype == th::Dtype::i8 || dtype == th::Dtype::u16 ||
                     dtype == th::Dtype::i16 || dtype == th::Dtype::u32 ||
                     dtype == th::Dtype::i32 || dtype == th::Dtype::u64 || dtype == th::Dtype::i64;
  if (kind == Number::index && (!whole || !self.tensor.shape().empty()))
    throw nb::type_error("only a tensor of whole numbers and no dimensions is a position");
  if (kind == Number::truth && self.tensor.size() != 1)
    throw nb::value_error(
        "only a tensor of one element is true or false; compare its size, or use tolist()");
  if (self.tensor.size() != 1)
    throw nb::type_error("only a tensor of one element is a number; use tolist()");
  const nb::object item = to_item(self);
  switch (kind) {
    case Number::index:
      break;
    case Number::whole:
      return nb::int_(item);
    case Number::real:
      return nb::float_(item);
    case Number::complex:
      return nb::borrow(reinterpret_cast<PyObject*>(&PyComplex_Type))(item);
    case Number::truth:
      return nb::bool_(item);
  }
  return item;
}

}  // namespace tensorhold_python
