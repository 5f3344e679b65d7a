// All tensors of a file as tensors of a framework: the loop of load_file, here because a call and
// a dict entry are then all that each costs.
#include "bulk.hpp"

#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "given.hpp"

namespace tensorhold_python {
namespace {

/// A framework's dtype for each of the format's, null where it has none. Borrows from the mapping
/// (name of the format's dtype -> the framework's).
class DtypeTable {
 public:
  explicit DtypeTable(const nb::dict& mapping) {
    for (std::size_t i = 0; i < th::dtype_count; ++i)
      table_[i] =
          PyDict_GetItemString(mapping.ptr(), th::to_string(static_cast<th::Dtype>(i)).data());
  }
  [[nodiscard]] PyObject* find(th::Dtype dtype) const noexcept {
    return table_[static_cast<std::size_t>(dtype)];
  }
  [[nodiscard]] PyObject* get(const th::Tensor& tensor) const {
    PyObject* const found = find(tensor.dtype());
    if (found == nullptr)
      throw th::Error(
          {.code = th::Code::unsupported,
           .reason = "dtype not understood: " + std::string(th::to_string(tensor.dtype())),
           .advice = "The framework, as installed, has no such dtype; Tensor.raw of "
                     "tensorhold.open() has the bytes of any tensor.",
           .tensor = std::string(tensor.name())});
    return found;
  }

 private:
  std::array<PyObject*, th::dtype_count> table_{};
};

nb::object stolen(PyObject* object) {
  if (object == nullptr) throw nb::python_error();
  return nb::steal(object);
}

/// Whether elements in the pages of a file are aligned and in the machine's order.
bool is_usable(const th::Tensor& view) {
  const std::size_t bits = th::bits_of(view.dtype());
  const std::size_t alignment =
      view.dtype() == th::Dtype::c64 ? 4 : std::max(bits / 8, std::size_t{1});
  const auto address = reinterpret_cast<std::uintptr_t>(view.writable_bytes().data());
  const bool swapped = std::endian::native != std::endian::little && bits > 8;
  return address % alignment == 0 && !swapped;
}

/// Writable, this process's own, aligned and in the machine's order.
th::Tensor own_view(const PyFile& self, std::size_t index) {
  const th::File& file = self.file;
  const std::string_view name = file.info(index).name;
  if (self.lending->lent(name)) return file.at(index).copy();
  th::Tensor view = file.writable(name);
  return is_usable(view) ? view : view.copy();
}

using Names = std::optional<std::vector<std::string>>;

/// Positions of the names, or all, in offset order.
std::vector<std::size_t> positions(const th::File& file, const Names& names) {
  std::vector<std::size_t> wanted;
  if (names) {
    for (const std::string& name : *names) {
      const std::optional<std::size_t> found = file.find(name);
      if (!found) static_cast<void>(file[name]);  // raises, with the closest names
      wanted.push_back(found.value());
    }
    std::ranges::sort(wanted);
  } else {
    wanted.resize(file.size());
    std::iota(wanted.begin(), wanted.end(), std::size_t{0});
  }
  return wanted;
}

/// The wanted tensors: private views of a mapping, or with owned access read in one go. Without the
/// GIL.
std::vector<th::Tensor> own_views(const PyFile& self, const Names& names,
                                  const th::LoadOptions& options) {
  const th::File& file = self.file;
  const std::vector<std::size_t> wanted = positions(file, names);
  if (file.access() == th::Access::owned) {
    th::Plan plan(file);
    for (const std::size_t index : wanted) plan.add_at(index);
    return plan.load(options);
  }
  std::vector<th::Tensor> tensors;
  tensors.reserve(wanted.size());
  for (const std::size_t index : wanted) tensors.push_back(own_view(self, index));
  return tensors;
}

/// A dict, in offset order, of what `make` makes of each tensor.
template <class Make>
nb::dict load_each(const PyFile& self, const Names& names, unsigned threads, nb::object progress,
                   const Make& make) {
  const Reporter reporter(std::move(progress), "Loading");
  const th::LoadOptions options{.threads = threads, .progress = reporter.function()};
  const Token token = self.lending->share_all();
  std::vector<th::Tensor> tensors = without_gil([&] { return own_views(self, names, options); });
  nb::dict made;
  for (th::Tensor& tensor : tensors) {
    const std::string_view name = tensor.name();
    const nb::object key =
        stolen(PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size())));
    const nb::object value = make(std::move(tensor), token);
    if (PyDict_SetItem(made.ptr(), key.ptr(), value.ptr()) != 0) throw nb::python_error();
  }
  return made;
}

/// Makes tensors of a framework by its function that takes a DLPack capsule.
class DlpackMaker {
 public:
  DlpackMaker(nb::handle convert, const nb::dict& dtypes, const nb::dict& viewed)
      : convert_(convert), dtypes_(dtypes), viewed_(viewed), view_("view") {}

  nb::object operator()(th::Tensor tensor, const Token& token) const {
    static_cast<void>(dtypes_.get(tensor));
    PyObject* const viewed = viewed_.find(tensor.dtype());
    const nb::object capsule = plain_capsule(
        std::move(tensor), viewed == nullptr ? CapsuleForm::elements : CapsuleForm::bytes, token);
    nb::object made = stolen(PyObject_CallOneArg(convert_.ptr(), capsule.ptr()));
    if (viewed == nullptr) return made;
    return stolen(PyObject_CallMethodOneArg(made.ptr(), view_.ptr(), viewed));
  }

 private:
  nb::handle convert_;
  DtypeTable dtypes_;
  DtypeTable viewed_;
  nb::str view_;
};

/// Makes numpy arrays by ndarray(shape, dtype, buffer).
class ArrayMaker {
 public:
  ArrayMaker(nb::handle ndarray, const nb::dict& dtypes) : ndarray_(ndarray), dtypes_(dtypes) {}

  nb::object operator()(th::Tensor tensor, const Token& token) const {
    PyObject* const dtype = dtypes_.get(tensor);
    const nb::tuple shape = shape_tuple(tensor.shape());
    const nb::object buffer = nb::cast(RawBytes{std::move(tensor), token});
    const std::array<PyObject*, 3> arguments{shape.ptr(), dtype, buffer.ptr()};
    return stolen(PyObject_Vectorcall(ndarray_.ptr(), arguments.data(), arguments.size(), nullptr));
  }

 private:
  nb::handle ndarray_;
  DtypeTable dtypes_;
};

nb::dict load_dlpack(const PyFile& file, nb::handle convert, const nb::dict& dtypes,
                     const nb::dict& viewed, const Names& names, unsigned threads,
                     nb::object progress) {
  return load_each(file, names, threads, std::move(progress), DlpackMaker(convert, dtypes, viewed));
}

nb::dict load_arrays(const PyFile& file, nb::handle ndarray, const nb::dict& dtypes,
                     const Names& names, unsigned threads, nb::object progress) {
  return load_each(file, names, threads, std::move(progress), ArrayMaker(ndarray, dtypes));
}

nb::object to_framework(const PyTensor& self, nb::handle convert, const nb::dict& dtypes,
                        const nb::dict& viewed) {
  return DlpackMaker(convert, dtypes, viewed)(self.tensor, self.token);
}

/// The tensor in pages that load_each() gives as well; none where it would have to be copied, or
/// its file was closed or released.
std::optional<th::Tensor> shared_view(const PyTensor& self) {
  try {
    th::Tensor view = self.file.writable(self.tensor.name());
    if (is_usable(view)) return view;
  } catch (const th::Error& error) {
    if (error.code() != th::Code::closed && error.code() != th::Code::released) throw;
  }
  return std::nullopt;
}

nb::object view_to_framework(const PyTensor& self, nb::handle convert, const nb::dict& dtypes,
                             const nb::dict& viewed) {
  const DlpackMaker make(convert, dtypes, viewed);
  if (!self.file.valid()) return nb::none();
  const Token token = self.lending->share(self.tensor.name());
  if (!token) return nb::none();
  auto view = without_gil([&] { return shared_view(self); });
  return view ? make(std::move(*view), token) : nb::none();
}

nb::object to_ndarray(const PyTensor& self, nb::handle ndarray, const nb::dict& dtypes) {
  return ArrayMaker(ndarray, dtypes)(self.tensor, self.token);
}

nb::object memory(std::uintptr_t address, std::size_t nbytes) {
  static char nothing = 0;
  char* const begin = nbytes == 0 ? &nothing : reinterpret_cast<char*>(address);
  if (begin == nullptr) throw nb::value_error("bytes at address 0");
  if (nbytes > static_cast<std::size_t>(PY_SSIZE_T_MAX)) throw nb::value_error("too many bytes");
  return stolen(PyMemoryView_FromMemory(begin, static_cast<Py_ssize_t>(nbytes), PyBUF_READ));
}

/// After elements of an array were copied by others.
void require_bytes(nb::handle object) {
  const Buffer buffer(object, PyBUF_STRIDED_RO);
  without_gil([&] { th::require_bytes(memory_of(buffer.view())); });
}

}  // namespace

void bind_bulk(nb::module_& module) {
  module.def("_load_dlpack", load_dlpack, nb::arg("file"), nb::arg("convert"), nb::arg("dtypes"),
             nb::arg("viewed"), nb::arg("names") = nb::none(), nb::arg("threads") = 0,
             nb::arg("progress") = nb::none(),
             "What convert(capsule) makes of each tensor, by name, in offset order. Dtypes in "
             "`viewed` go through uint8 and .view(dtype).");
  module.def("_load_arrays", load_arrays, nb::arg("file"), nb::arg("ndarray"), nb::arg("dtypes"),
             nb::arg("names") = nb::none(), nb::arg("threads") = 0,
             nb::arg("progress") = nb::none(),
             "ndarray(shape, dtype, buffer) of each tensor, by name, in offset order.");
  module.def("_to_framework", to_framework, nb::arg("tensor"), nb::arg("convert"),
             nb::arg("dtypes"), nb::arg("viewed"), "As _load_dlpack, for one writable tensor.");
  module.def("_view_to_framework", view_to_framework, nb::arg("tensor"), nb::arg("convert"),
             nb::arg("dtypes"), nb::arg("viewed"),
             "What _load_dlpack gives of a tensor of a mapped file, in the same pages; None where "
             "it would be a copy.");
  module.def("_to_ndarray", to_ndarray, nb::arg("tensor"), nb::arg("ndarray"), nb::arg("dtypes"),
             "As _load_arrays, for one writable tensor.");
  module.def("_require_bytes", require_bytes, nb::arg("array"),
             "Raises truncated when the array lies in a mapped file that was cut short.");
  module.def("_memory", memory, nb::arg("address"), nb::arg("nbytes"),
             "A read-only view of memory, which the caller must keep.");
}

}  // namespace tensorhold_python
