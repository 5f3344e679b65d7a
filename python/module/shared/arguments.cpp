// Arguments from Python, and plain values to it.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <thread>

#include "module.hpp"

namespace tensorhold_python {
namespace {

nb::str steal_text(PyObject* text) {
  if (text == nullptr) throw nb::python_error();
  return nb::steal<nb::str>(text);
}

}  // namespace

bool finalizing() noexcept {
#if PY_VERSION_HEX >= 0x030d0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

void wait_for_ever() noexcept {
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

Buffer::Buffer(nb::handle object, int flags) {
  if (PyObject_GetBuffer(object.ptr(), &view_, flags) != 0) throw nb::python_error();
}

Buffer::~Buffer() {
  // The last tensor may go while the interpreter ends, when nobody may wait for the GIL any more.
  if (view_.obj == nullptr || !Py_IsInitialized() || finalizing()) return;
  const nb::gil_scoped_acquire gil;
  PyBuffer_Release(&view_);
}

std::string path_of(nb::handle path) {
  PyObject* converted = nullptr;
  if (PyUnicode_FSConverter(path.ptr(), &converted) == 0) throw nb::python_error();
  const nb::bytes bytes = nb::steal<nb::bytes>(converted);
  return {bytes.c_str(), bytes.size()};
}

nb::str path_text(std::string_view path) {
  return steal_text(
      PyUnicode_DecodeFSDefaultAndSize(path.data(), static_cast<Py_ssize_t>(path.size())));
}

nb::str utf8(std::string_view text) {
  return steal_text(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
}

std::string shown(std::string_view name) {
  const nb::str repr = steal_text(PyObject_Repr(utf8(name).ptr()));
  const std::string_view quoted = utf8_of(repr);
  return std::string(quoted.substr(1, quoted.size() - 2));
}

std::string_view utf8_of(nb::handle text) {
  if (!PyUnicode_Check(text.ptr())) {
    const std::string message = std::string("expected str, not ") + Py_TYPE(text.ptr())->tp_name;
    throw nb::type_error(message.c_str());
  }
  Py_ssize_t size = 0;
  const char* const bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (bytes != nullptr) return {bytes, static_cast<std::size_t>(size)};
  if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError) == 0) throw nb::python_error();
  PyErr_Clear();
  const nb::str shown = steal_text(PyObject_ASCII(text.ptr()));
  throw th::Error(
      {.code = th::Code::invalid_argument,
       .reason = std::string(shown.c_str()) + " has a lone surrogate, which no UTF-8 is",
       .advice = "Replace it, as text.encode(errors=\"replace\").decode() does."});
}

nb::tuple shape_tuple(std::span<const std::uint64_t> shape) {
  const nb::object tuple = nb::steal(PyTuple_New(static_cast<Py_ssize_t>(shape.size())));
  if (!tuple.is_valid()) throw nb::python_error();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    PyObject* const extent = PyLong_FromUnsignedLongLong(shape[i]);
    if (extent == nullptr) throw nb::python_error();
    PyTuple_SET_ITEM(tuple.ptr(), static_cast<Py_ssize_t>(i), extent);
  }
  return nb::borrow<nb::tuple>(tuple);
}

bool is_integer(nb::handle value) {
  if (PyLong_Check(value.ptr())) return PyBool_Check(value.ptr()) == 0;
  if (PyIndex_Check(value.ptr()) == 0) return false;
  // Arrays of one element have __index__, whatever their axes, and so have masks in some
  // frameworks.
  const nb::object shape = nb::getattr(value, "shape", nb::none());
  if (!shape.is_none()) {
    const Py_ssize_t axes = PyObject_Size(shape.ptr());
    if (axes < 0) PyErr_Clear();  // unknown in a graph of TensorFlow
    if (axes != 0) return false;
  }
  const nb::object dtype = nb::getattr(value, "dtype", nb::none());
  if (dtype.is_none()) return true;
  const nb::object name = nb::str(dtype).attr("lower")();
  return nb::cast<std::string>(name).find("bool") == std::string::npos;
}

std::vector<std::uint64_t> shape_of(nb::handle shape) {
  std::vector<std::uint64_t> extents;
  for (const nb::handle item : nb::iter(shape)) {
    if (!is_integer(item))
      throw nb::type_error(
          (std::string("a shape is a sequence of integers; one of its extents is a ") +
           Py_TYPE(item.ptr())->tp_name)
              .c_str());
    const nb::object number = nb::steal(PyNumber_Index(item.ptr()));
    if (!number.is_valid()) throw nb::python_error();
    const unsigned long long extent = PyLong_AsUnsignedLongLong(number.ptr());
    if (PyErr_Occurred() != nullptr) {
      PyErr_Clear();
      throw th::Error({.code = th::Code::invalid_argument,
                       .reason = "an extent of a shape is negative or above 64 bits",
                       .advice = "Give extents from 0 to 2**64 - 1."});
    }
    extents.push_back(extent);
  }
  return extents;
}

th::Dtype dtype_of_name(std::string_view name) {
  if (const auto dtype = th::dtype_from_string(name)) return *dtype;
  throw th::Error({.code = th::Code::unknown_dtype,
                   .reason = "\"" + std::string(name) + "\" is not a dtype of the format",
                   .advice = "Use one such as \"F32\", \"BF16\" or \"U8\"."});
}

nb::object items_of(nb::handle mapping, const char* what) {
  if (nb::hasattr(mapping, "items")) return mapping.attr("items")();
  const std::string message =
      std::string(what) + ", such as a dict, not " + Py_TYPE(mapping.ptr())->tp_name;
  throw nb::type_error(message.c_str());
}

bool is_durable(std::optional<bool> given) {
  if (given) return *given;
  const char* const value = std::getenv("TENSORHOLD_DURABLE");
  return value == nullptr || std::string_view(value) != "0";
}

th::Access access_of(std::string_view name) {
  for (const th::Access access : {th::Access::automatic, th::Access::mapped, th::Access::owned})
    if (access_name(access) == name) return access;
  throw th::Error({.code = th::Code::invalid_argument,
                   .reason = "access is \"" + std::string(name) + "\"",
                   .advice = "Use \"automatic\", \"mapped\" or \"owned\"."});
}

std::string_view access_name(th::Access access) noexcept {
  switch (access) {
    case th::Access::automatic:
      return "automatic";
    case th::Access::mapped:
      return "mapped";
    case th::Access::owned:
      return "owned";
  }
  return "";
}

std::chrono::milliseconds timeout_of(double seconds) {
  if (std::isnan(seconds) || seconds < 0)
    throw th::Error({.code = th::Code::invalid_argument,
                     .reason = "a timeout is negative or not a number",
                     .advice = "Give seconds: 0 for one attempt, math.inf for ever."});
  // Above that many seconds (300 years), for ever.
  if (seconds > 9e9) return std::chrono::milliseconds::max();
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1e3)));
}

nb::object holder_value(const th::Holder& holder) {
  static constexpr const char* how[] = {"mapped", "open", "unknown"};
  static constexpr const char* which[] = {"current", "replaced", "deleted"};
  return package("tensorhold._values", "Holder")(
      holder.pid, holder.own, path_text(holder.command), utf8(holder.tensor), holder.nbytes,
      utf8(holder.label), how[static_cast<std::size_t>(holder.how)],
      which[static_cast<std::size_t>(holder.which)]);
}

nb::object package(const char* module, const char* name) {
  return nb::module_::import_(module).attr(name);
}

}  // namespace tensorhold_python
