// The class Writer: a file written piece by piece.
#include "module.hpp"

namespace tensorhold_python {
namespace {

/// A Writer as Python has it; threads may share it, as the library's.
struct PyWriter {
  th::Writer writer;
};

/// From {name: (dtype, shape)}.
std::vector<th::TensorLayout> layout_of(nb::handle layout) {
  std::vector<th::TensorLayout> list;
  for (const nb::handle pair : nb::iter(layout.attr("items")())) {
    const nb::object name = pair[0];
    const nb::object value = pair[1];
    if (!PyTuple_Check(value.ptr()) || nb::len(value) != 2)
      throw nb::type_error("a Writer's layout maps names to (dtype, shape)");
    list.push_back({.name = std::string(utf8_of(name)),
                    .dtype = dtype_of_name(utf8_of(nb::object(value[0]))),
                    .shape = shape_of(value[1])});
  }
  return list;
}

void make(PyWriter* self, nb::handle path, nb::handle layout, nb::handle metadata,
          std::uint64_t align, std::uint64_t reserve_header, bool follow_symlink, bool durable,
          unsigned threads) {
  const std::string text = path_of(path);
  const std::vector<th::TensorLayout> list = layout_of(layout);
  const auto pairs = metadata_of(metadata);
  const th::SaveOptions options{.align = align,
                                .reserve_header = reserve_header,
                                .follow_symlink = follow_symlink,
                                .durable = durable,
                                .threads = threads};
  without_gil([&] { new (self) PyWriter{th::Writer(text, list, pairs, options)}; });
}

void write(PyWriter& self, nb::handle name, nb::handle data) {
  const std::string_view text = utf8_of(name);
  const Buffer buffer(data, PyBUF_SIMPLE);
  without_gil([&] { self.writer.write(text, buffer.bytes()); });
}

void write_at(PyWriter& self, nb::handle name, std::uint64_t offset, nb::handle data) {
  const std::string_view text = utf8_of(name);
  const Buffer buffer(data, PyBUF_SIMPLE);
  without_gil([&] { self.writer.write_at(text, offset, buffer.bytes()); });
}

void commit(PyWriter& self) {
  without_gil([&] { self.writer.commit(); });
}

void abandon(PyWriter& self) {
  without_gil([&] { self.writer.abandon(); });
}

nb::list missing(const PyWriter& self) {
  nb::list list;
  for (const std::string& name : self.writer.missing()) list.append(utf8(name));
  return list;
}

/// The exit of a with block: the file is put in place, or after an exception nothing is left.
void leave(PyWriter& self, nb::handle kind, nb::handle, nb::handle) {
  if (!self.writer.is_open()) return;
  if (!kind.is_none()) return abandon(self);
  without_gil([&] {
    try {
      self.writer.commit();
    } catch (...) {
      self.writer.abandon();
      throw;
    }
  });
}

}  // namespace

void bind_writer(nb::module_& module) {
  nb::class_<PyWriter>(module, "Writer",
                       "A file in the making: first its layout, then its bytes in any order.")
      .def("__init__", make, nb::arg("path"), nb::arg("layout"), nb::arg("metadata") = nb::none(),
           nb::kw_only(), nb::arg("align") = 8, nb::arg("reserve_header") = 0,
           nb::arg("follow_symlink") = false, nb::arg("durable") = true, nb::arg("threads") = 0)
      .def_prop_ro("nbytes", [](const PyWriter& self) { return self.writer.nbytes(); })
      .def_prop_ro("written", [](const PyWriter& self) { return self.writer.written(); })
      .def_prop_ro("is_open", [](const PyWriter& self) { return self.writer.is_open(); })
      .def("missing", missing)
      .def("write", write, nb::arg("name"), nb::arg("data"))
      .def("write_at", write_at, nb::arg("name"), nb::arg("offset"), nb::arg("data"))
      .def("commit", commit)
      .def("abandon", abandon)
      .def("__enter__", [](nb::object self) { return self; })
      .def("__exit__", leave, nb::arg("kind").none(), nb::arg("error").none(),
           nb::arg("trace").none());
}

}  // namespace tensorhold_python
