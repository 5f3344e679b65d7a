// The class Tensor.
#include <algorithm>

#include "shared/module.hpp"

namespace tensorhold_python {
namespace {

nb::object part(const PyTensor& self, nb::handle index) {
  const th::Slice slice = slice_of(self.tensor, index);
  return tensor_object({.tensor = without_gil([&] { return slice.copy(); })});
}

nb::object copy(const PyTensor& self) {
  return tensor_object({.tensor = without_gil([&] { return self.tensor.copy(); })});
}

std::uint64_t length(const PyTensor& self) {
  if (self.tensor.shape().empty()) throw nb::type_error("a tensor of no dimensions has no len()");
  return self.tensor.shape().front();
}

nb::object iterate(nb::handle self) {
  static_cast<void>(length(nb::cast<const PyTensor&>(self)));
  nb::object iterator = nb::steal(PySeqIter_New(self.ptr()));
  if (!iterator.is_valid()) throw nb::python_error();
  return iterator;
}

nb::bytes bytes(const PyTensor& self) {
  return made_bytes(static_cast<std::size_t>(self.tensor.nbytes()),
                    [&](std::span<std::byte> made) { self.tensor.copy_to(made); });
}

/// At most 80 columns: a long name loses its middle.
nb::str describe(const PyTensor& self) {
  const th::Tensor& tensor = self.tensor;
  std::string tail = ", " + std::string(th::to_string(tensor.dtype())) + ", (";
  for (std::size_t i = 0; i < tensor.shape().size(); ++i)
    tail += (i == 0 ? "" : ", ") + std::to_string(tensor.shape()[i]);
  tail += tensor.shape().size() == 1 ? ",)" : ")";
  tail += tensor.mapped() ? ", mapped" : ", owned";
  tail += is_writable(tensor) ? ", writable>" : ">";
  if (tail.size() > 60) tail = tail.substr(0, 56) + "...>";
  const nb::object name = nb::repr(utf8(tensor.name()));
  const Py_ssize_t room = 80 - 8 - static_cast<Py_ssize_t>(tail.size());
  nb::object shown = name;
  if (nb::len(name) > static_cast<std::size_t>(room)) {
    const Py_ssize_t end = (room - 3) / 2;
    shown = name[nb::slice(nb::none(), nb::int_(room - 3 - end), nb::none())] + nb::str("...") +
            name[nb::slice(nb::int_(-end), nb::none(), nb::none())];
  }
  return nb::str(("<Tensor " + std::string(nb::cast<std::string_view>(shown)) + tail).c_str());
}

/// pickle and copy give an owned tensor. From protocol 5 on, owned bytes are not copied on the way.
nb::object reduce(const PyTensor& self, int protocol) {
  const auto buffer = [&] {
    return nb::module_::import_("pickle").attr("PickleBuffer")(raw_view(safe(self.tensor)));
  };
  nb::object data = protocol >= 5 ? nb::object(buffer()) : nb::object(bytes(self));
  return nb::make_tuple(
      package("tensorhold._values", "rebuild_tensor"),
      nb::make_tuple(utf8(self.tensor.name()), utf8(th::to_string(self.tensor.dtype())),
                     shape_tuple(self.tensor.shape()), data));
}

nb::object rebuild(std::string_view name, std::string_view dtype, nb::handle shape,
                   nb::handle data) {
  const Buffer buffer(data, PyBUF_SIMPLE);
  const std::vector<std::uint64_t> extents = shape_of(shape);
  th::Tensor tensor = th::Tensor::owned(name, dtype_of_name(dtype), extents);
  const std::span<std::byte> bytes = tensor.writable_bytes();
  if (bytes.size() != buffer.bytes().size())
    throw nb::value_error("the data's size is not what dtype and shape need");
  without_gil([&] { std::ranges::copy(buffer.bytes(), bytes.begin()); });
  return tensor_object({.tensor = std::move(tensor)});
}

template <Number kind>
nb::object to(const PyTensor& self) {
  return to_number(self, kind);
}

}  // namespace

nb::object tensor_object(PyTensor tensor) { return nb::cast(std::move(tensor)); }

th::Tensor safe(const th::Tensor& tensor) {
  return tensor.mapped() ? without_gil([&] { return tensor.copy(); }) : tensor;
}

bool is_writable(const th::Tensor& tensor) { return tensor.writable(); }

std::span<const std::byte> bytes_of(const th::Tensor& tensor) {
  return without_gil([&] { return tensor.bytes(); });
}

void bind_tensor(nb::module_& module) {
  nb::class_<RawBytes>(module, "_RawBytes", nb::type_slots(raw_slots));
  nb::class_<PyTensor>(module, "Tensor", nb::type_slots(tensor_slots),
                       "A tensor: dtype, shape and bytes, valid for as long as this lives.")
      .def_prop_ro(
          "name", [](const PyTensor& self) { return utf8(self.tensor.name()); },
          "The name in the file that it is from.")
      .def_prop_ro(
          "dtype", [](const PyTensor& self) { return th::to_string(self.tensor.dtype()); },
          "Name in the format, such as \"F32\".")
      .def_prop_ro(
          "shape", [](const PyTensor& self) { return shape_tuple(self.tensor.shape()); },
          "Elements along each axis.")
      .def_prop_ro(
          "ndim", [](const PyTensor& self) { return self.tensor.shape().size(); },
          "Number of axes.")
      .def_prop_ro(
          "size", [](const PyTensor& self) { return self.tensor.size(); }, "Number of elements.")
      .def_prop_ro(
          "nbytes", [](const PyTensor& self) { return self.tensor.nbytes(); }, "Number of bytes.")
      .def_prop_ro(
          "offset", [](const PyTensor& self) { return self.offset; },
          "Of the first byte, from the start of the file; None for an owned copy.")
      .def_prop_ro(
          "device", [](const PyTensor&) { return "cpu"; }, "\"cpu\".")
      .def_prop_ro(
          "mapped", [](const PyTensor& self) { return self.tensor.mapped(); },
          "True: the bytes are pages of the file. False: private memory.")
      .def_prop_ro(
          "readonly", [](const PyTensor& self) { return !is_writable(self.tensor); },
          "False: the bytes may be written, and the file never changes.")
      .def_prop_ro(
          "raw", [](const PyTensor& self) { return raw_view(self.tensor, self.token); },
          "A flat memoryview of the bytes, in place, for every dtype.")
      .def("copy", copy, "An independent tensor with bytes of its own, which may be written.")
      .def("__getitem__", part, nb::arg("index").none())
      .def("__len__", length)
      .def("__iter__", iterate)
      .def("__bytes__", bytes)
      .def("__repr__", describe)
      .def("tolist", to_list, "The elements as nested lists of Python numbers.")
      .def("item", to_item, "The one element as a Python number.")
      .def("__int__", to<Number::whole>)
      .def("__float__", to<Number::real>)
      .def("__complex__", to<Number::complex>)
      .def("__index__", to<Number::index>)
      .def("__bool__", to<Number::truth>)
      .def("__array__", to_array, nb::arg("dtype") = nb::none(), nb::arg("copy") = nb::none())
      .def("__dlpack__", to_dlpack, nb::kw_only(), nb::arg("stream") = nb::none(),
           nb::arg("max_version") = nb::none(), nb::arg("dl_device") = nb::none(),
           nb::arg("copy") = nb::none())
      .def("__dlpack_device__", [](const PyTensor&) { return nb::make_tuple(1, 0); })
      .def("__deepcopy__", [](const PyTensor& self, nb::handle) { return copy(self); })
      .def("__reduce_ex__", reduce);
  module.def("_rebuild_tensor", rebuild);
}

}  // namespace tensorhold_python
