// What stands between the brackets of tensor[...].
#include "../shared/module.hpp"

namespace tensorhold_python {
namespace {

[[noreturn]] void refuse(nb::handle part) {
  const std::string what = part.is_none() ? "None" : nb::type_name(part.type()).c_str();
  throw nb::type_error(("a tensor is indexed by integers, slices and '...', not by " + what +
                        "; for more, take an array of it first")
                           .c_str());
}

/// A bound of a slice, clipped to what 64 bits can say; none for None.
std::optional<std::int64_t> bound(PyObject* value) {
  if (value == Py_None) return std::nullopt;
  // Python's own slices take True for 1.
  if (PyBool_Check(value) == 0 && !is_integer(value)) refuse(value);
  const Py_ssize_t number = PyNumber_AsSsize_t(value, nullptr);
  if (number == -1 && PyErr_Occurred() != nullptr) throw nb::python_error();
  return number;
}

th::Index part_of(nb::handle part) {
  if (part.is(nb::handle(Py_Ellipsis))) return th::ellipsis;
  if (PySlice_Check(part.ptr())) {
    const auto* const slice = reinterpret_cast<const PySliceObject*>(part.ptr());
    return {bound(slice->start), bound(slice->stop), bound(slice->step).value_or(1)};
  }
  if (!is_integer(part)) refuse(part);
  const Py_ssize_t position = PyNumber_AsSsize_t(part.ptr(), PyExc_IndexError);
  if (position == -1 && PyErr_Occurred() != nullptr) {
    // Some have __index__ and no integer to give.
    if (PyErr_ExceptionMatches(PyExc_IndexError) != 0) throw nb::python_error();
    PyErr_Clear();
    refuse(part);
  }
  return th::Index(position);
}

}  // namespace

th::Slice slice_of(const th::Tensor& tensor, nb::handle index) {
  std::vector<th::Index> parts;
  if (PyTuple_Check(index.ptr()))
    for (const nb::handle part : nb::borrow<nb::tuple>(index)) parts.push_back(part_of(part));
  else
    parts.push_back(part_of(index));
  return tensor.slice(parts);
}

}  // namespace tensorhold_python
