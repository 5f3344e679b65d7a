// The class File, and open().
#include <deque>
#include <memory>

#include "arrays/given.hpp"
#include "shared/waiting.hpp"

namespace tensorhold_python {
namespace {

/// The tensor at a position, with what a writable view of it will need.
PyTensor at(const PyFile& self, std::size_t index) {
  PyTensor made{.tensor = self.file.at(index), .offset = self.file.info(index).offset};
  if (self.file.access() == th::Access::mapped) {
    made.file = self.file;
    made.lending = self.lending;
  }
  return made;
}

/// Position of a name; raises as File::operator[] for one that is not there.
std::size_t position(const PyFile& self, std::string_view name) {
  const auto index = self.file.find(name);
  if (!index) static_cast<void>(self.file[name]);
  return *index;
}

nb::object get(const PyFile& self, nb::str name) {
  return tensor_object(at(self, position(self, utf8_of(name))));
}

nb::object writable(const PyFile& self, nb::str name) {
  const std::string_view text = utf8_of(name);
  const std::size_t index = position(self, text);
  Token token = self.lending->share(text);
  if (!token)
    return tensor_object({.tensor = without_gil([&] { return self.file.at(index).copy(); })});
  return tensor_object({.tensor = without_gil([&] { return self.file.writable(text); }),
                        .offset = self.file.info(index).offset,
                        .token = std::move(token)});
}

nb::object info(const PyFile& self, nb::str name) {
  const th::TensorInfo info = self.file.info(position(self, utf8_of(name)));
  return package("tensorhold._values", "TensorInfo")(
      name, th::to_string(info.dtype), shape_tuple(info.shape), info.offset, info.nbytes);
}

bool contains(const PyFile& self, nb::handle name) {
  if (!PyUnicode_Check(name.ptr())) return false;
  Py_ssize_t size = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(name.ptr(), &size);
  if (text == nullptr) {  // a lone surrogate, which no name in a file has
    PyErr_Clear();
    return false;
  }
  return self.file.contains({text, static_cast<std::size_t>(size)});
}

nb::list names(const PyFile& self) {
  nb::list list;
  for (std::size_t i = 0; i < self.file.size(); ++i) list.append(utf8(self.file.info(i).name));
  return list;
}

nb::list keys(const PyFile& self) {
  nb::list list;
  for (const std::string_view name : self.file.keys()) list.append(utf8(name));
  return list;
}

nb::object iterate(const PyFile& self) { return names(self).attr("__iter__")(); }

nb::list items(const PyFile& self) {
  nb::list list;
  for (std::size_t i = 0; i < self.file.size(); ++i)
    list.append(nb::make_tuple(utf8(self.file.info(i).name), tensor_object(at(self, i))));
  return list;
}

nb::object metadata(const PyFile& self) {
  if (!self.file.has_metadata()) return nb::none();
  nb::dict dict;
  for (const auto& [key, value] : self.file.metadata()) dict[utf8(key)] = utf8(value);
  return dict;
}

void copy_to(const PyFile& self, nb::handle destinations) {
  std::deque<Given> places;  // what is borrowed stays where it is
  std::deque<std::string> names;
  std::vector<th::Destination> list;
  for (const nb::handle pair :
       nb::iter(items_of(destinations, "destinations is a mapping of names to arrays"))) {
    const std::string& name = names.emplace_back(utf8_of(pair[0]));
    const Given& place = places.emplace_back(name, pair[1], Given::Use::fill);
    const th::TensorInfo info = self.file.info(position(self, name));
    place.check(name, info.dtype, info.shape);
    list.push_back({.name = name, .bytes = place.bytes()});
  }
  without_gil([&] { self.file.copy_to(list); });
}

nb::object release(const PyFile& self, unsigned threads, nb::object progress,
                   bool pinned_elsewhere) {
  const Reporter reporter(std::move(progress), "Releasing");
  const th::ReleaseOptions options{
      .threads = threads, .progress = reporter.function(), .pinned_elsewhere = pinned_elsewhere};
  return released_value(without_gil([&] { return self.file.release(options); }));
}

std::string_view check(const PyFile& self) {
  switch (without_gil([&] { return self.file.check(); })) {
    case th::FileState::unchanged:
      return "unchanged";
    case th::FileState::modified:
      return "modified";
    case th::FileState::truncated:
      return "truncated";
    case th::FileState::replaced:
      return "replaced";
    case th::FileState::deleted:
      return "deleted";
    case th::FileState::damaged:
      return "damaged";
  }
  return "";
}

void close(const PyFile& self) {
  without_gil([&] { self.file.close(); });
}

/// The exit of a with block: the file is closed, whatever happened in the block.
void leave(const PyFile& self, nb::handle, nb::handle, nb::handle) {
  without_gil([&] {
    if (self.release_on_exit) static_cast<void>(self.file.release());
    self.file.close();
  });
}

nb::object describe(const PyFile& self) {
  nb::object path = nb::repr(path_text(self.file.path()));
  const std::string tail =
      ", " + std::to_string(self.file.size()) + " tensors, " +
      (self.file.closed() ? "closed" : std::string(access_name(self.file.access()))) + ">";
  const Py_ssize_t room = 80 - 6 - static_cast<Py_ssize_t>(tail.size());
  if (nb::len(path) > static_cast<std::size_t>(room))
    path = nb::str("...") + path[nb::slice(nb::int_(3 - room), nb::none(), nb::none())];
  return nb::str("<File ") + path + nb::str(tail.c_str());
}

th::File open_source(nb::handle source, const th::OpenOptions& options) {
  if (is_integer(source)) {
    int descriptor = -1;  // which is refused as one that is not open, like all that are too large
    static_cast<void>(nb::try_cast(source, descriptor));
    return without_gil([&] { return th::open_fd(descriptor, options); });
  }
  if (PyUnicode_Check(source.ptr()) || nb::hasattr(source, "__fspath__")) {
    const std::string path = path_of(source);
    return waiting(options.lock_timeout, [&, once = options](auto wait) mutable {
      once.lock_timeout = wait;
      return th::open(path, once);
    });
  }
  if (PyObject_CheckBuffer(source.ptr()) == 0)
    return open_source(package("tensorhold._adapter", "opened_form")(source), options);
  const auto owner = std::make_shared<const Buffer>(source, PyBUF_SIMPLE);
  return without_gil([&] { return th::open_bytes(owner->bytes(), owner, options); });
}

PyFile open(nb::handle source, std::string_view access, bool guard, bool lock, double lock_timeout,
            bool lenient, std::uint64_t header_limit, std::string label, bool release_on_exit) {
  const th::OpenOptions options{.access = access_of(access),
                                .lenient = lenient,
                                .header_limit = header_limit,
                                .guard = guard,
                                .lock = lock,
                                .lock_timeout = timeout_of(lock_timeout),
                                .label = std::move(label)};
  return {.file = open_source(source, options), .release_on_exit = release_on_exit};
}

}  // namespace

void bind_file(nb::module_& module) {
  nb::class_<PyFile> file(module, "File",
                          "An open safetensors file whose header was read and checked.");
  file.def_prop_ro(
          "path", [](const PyFile& self) { return path_text(self.file.path()); },
          "The path that was opened.")
      .def_prop_ro(
          "access", [](const PyFile& self) { return access_name(self.file.access()); },
          "\"mapped\" or \"owned\".")
      .def_prop_ro(
          "why", [](const PyFile& self) { return self.file.why(); }, "Why that access was chosen.")
      .def_prop_ro("metadata", metadata, "The file's own notes, str to str, or None.")
      .def_prop_ro(
          "file_bytes", [](const PyFile& self) { return self.file.file_bytes(); },
          "Size of the file.")
      .def_prop_ro(
          "header_bytes", [](const PyFile& self) { return self.file.header_bytes(); },
          "Bytes before the tensors.")
      .def_prop_ro(
          "trailing_bytes", [](const PyFile& self) { return self.file.trailing_bytes(); },
          "Bytes after the last tensor; 0 unless opened with lenient=True.")
      .def_prop_ro(
          "closed", [](const PyFile& self) { return self.file.closed(); },
          "True: no tensor is to be had any more; those had before stay valid.")
      .def("__len__", [](const PyFile& self) { return self.file.size(); })
      .def("__getitem__", get, nb::arg("name"))
      .def("__contains__", contains, nb::arg("name").none())
      .def("__iter__", iterate)
      .def("__repr__", describe)
      .def("keys", keys, "Names of the tensors, sorted.")
      .def("items", items, "Names and tensors, in the order of the file.")
      .def("info", info, nb::arg("name"), "What the header says of a tensor; reads nothing.")
      .def("writable", writable, nb::arg("name"),
           "The tensor in private writable pages: the file never changes.")
      .def("copy_to", copy_to, nb::arg("destinations"),
           "Reads tensors into arrays or buffers of the same dtype and shape, by name.")
      .def("release", release, nb::kw_only(), nb::arg("threads") = 0,
           nb::arg("progress") = nb::none(), nb::arg("pinned_elsewhere") = false,
           "Lets go of the file: tensors keep address and values, and this File ends.")
      .def("check", check,
           "What became of the file since it was opened: \"unchanged\", \"modified\", "
           "\"truncated\", \"replaced\", \"deleted\" or \"damaged\".")
      .def("close", close, "Ends the File; tensors that are alive stay valid.")
      .def("__enter__", [](nb::object self) { return self; })
      .def("__exit__", leave, nb::arg("kind").none(), nb::arg("error").none(),
           nb::arg("trace").none())
      .def("__reduce_ex__", [](const PyFile&, int) -> nb::object {
        throw nb::type_error(
            "an open File cannot be pickled or copied; pass its path, or pickle its tensors");
      });
  bind_load(file);
  module.def("open", open, nb::arg("source").none(), nb::kw_only(), nb::arg("access") = "automatic",
             nb::arg("guard") = false, nb::arg("lock") = false, nb::arg("lock_timeout") = 0.0,
             nb::arg("lenient") = false, nb::arg("header_limit") = th::default_header_limit,
             nb::arg("label") = "", nb::arg("release_on_exit") = false,
             "Opens a safetensors file: reads and checks its header, no tensor.");
}

}  // namespace tensorhold_python
