// The class Writer: a file written piece by piece.
#include <map>

#include "arrays/given.hpp"

namespace tensorhold_python {
namespace {

/// A Writer as Python has it; threads may share it, as the library's.
struct PyWriter {
  th::Writer writer;
  Reporter reporter;
  std::map<std::string, th::TensorLayout, std::less<>> layout;
};

// For the collector of cycles: a progress function often belongs to who has the writer.
int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  const auto* const writer = nb::inst_ptr<PyWriter>(self);
  return writer->reporter.traverse(visit, arg);
}

int clear(PyObject* self) {
  if (!nb::inst_ready(self)) return 0;
  nb::inst_ptr<PyWriter>(self)->reporter.clear();
  return 0;
}

PyType_Slot writer_slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                              {Py_tp_clear, reinterpret_cast<void*>(clear)},
                              {0, nullptr}};

/// From {name: (dtype, shape)}.
std::vector<th::TensorLayout> layout_of(nb::handle layout) {
  std::vector<th::TensorLayout> list;
  for (const nb::handle pair :
       nb::iter(items_of(layout, "a Writer's layout is a mapping of names to (dtype, shape)"))) {
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
          std::uint64_t align, std::uint64_t reserve_header, bool follow_symlink,
          std::optional<bool> durable, unsigned threads, nb::object progress, bool in_place) {
  const std::string text = path_of(path);
  const std::vector<th::TensorLayout> list = layout_of(layout);
  const auto pairs = metadata_of(metadata);
  Reporter reporter(std::move(progress), "Writing");
  const th::SaveOptions options{.align = align,
                                .reserve_header = reserve_header,
                                .follow_symlink = follow_symlink,
                                .durable = is_durable(durable),
                                .threads = threads,
                                .progress = reporter.function(),
                                .in_place = in_place};
  th::Writer writer = without_gil([&] { return th::Writer(text, list, pairs, options); });
  std::map<std::string, th::TensorLayout, std::less<>> named;
  for (const th::TensorLayout& tensor : list) named.emplace(tensor.name, tensor);
  new (self) PyWriter{std::move(writer), std::move(reporter), std::move(named)};
}

void write(PyWriter& self, nb::handle name, nb::handle data) {
  const std::string_view text = utf8_of(name);
  const Given given(text, data);
  const auto tensor = self.layout.find(text);
  if (tensor != self.layout.end()) given.check(text, tensor->second.dtype, tensor->second.shape);
  without_gil([&] { self.writer.write(text, given.bytes()); });
}

void write_at(PyWriter& self, nb::handle name, std::uint64_t offset, nb::handle data) {
  const std::string_view text = utf8_of(name);
  const Given given(text, data);
  const auto tensor = self.layout.find(text);
  if (tensor != self.layout.end()) given.check_part(text, tensor->second.dtype);
  without_gil([&] { self.writer.write_at(text, offset, given.bytes()); });
}

void commit(PyWriter& self) {
  without_gil([&] { self.writer.commit(); });
  self.reporter.end();
}

void abandon(PyWriter& self) {
  without_gil([&] { self.writer.abandon(); });
  self.reporter.end();
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
  try {
    commit(self);
  } catch (...) {
    abandon(self);
    throw;
  }
}

}  // namespace

void bind_writer(nb::module_& module) {
  nb::class_<PyWriter>(
      module, "Writer", nb::type_slots(writer_slots),
      "A file in the making: first its layout, then its bytes in any order; durable as "
      "of save().")
      .def("__init__", make, nb::arg("path"), nb::arg("layout"), nb::arg("metadata") = nb::none(),
           nb::kw_only(), nb::arg("align") = 8, nb::arg("reserve_header") = 0,
           nb::arg("follow_symlink") = false, nb::arg("durable") = nb::none(),
           nb::arg("threads") = 0, nb::arg("progress") = nb::none(), nb::arg("in_place") = false)
      .def_prop_ro(
          "nbytes", [](const PyWriter& self) { return self.writer.nbytes(); },
          "Bytes of all tensors.")
      .def_prop_ro(
          "written", [](const PyWriter& self) { return self.writer.written(); },
          "Bytes that were written.")
      .def_prop_ro(
          "is_open", [](const PyWriter& self) { return self.writer.is_open(); },
          "True until commit() has put the file in place or lost it (a sync that failed), or "
          "abandon().")
      .def("missing", missing, "Names of the tensors that miss bytes.")
      .def("write", write, nb::arg("name"), nb::arg("data"),
           "Writes a whole tensor, from an array of its dtype and shape, or from bytes.")
      .def("write_at", write_at, nb::arg("name"), nb::arg("offset"), nb::arg("data"),
           "Writes a part of a tensor, from its byte `offset` on.")
      .def("commit", commit, "Puts the file in place, in one step.")
      .def("abandon", abandon, "Ends the work and leaves nothing of it.")
      .def("__enter__", [](nb::object self) { return self; })
      .def("__exit__", leave, nb::arg("kind").none(), nb::arg("error").none(),
           nb::arg("trace").none());
}

}  // namespace tensorhold_python
