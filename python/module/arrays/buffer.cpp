// The buffer protocol and NumPy.
#include <memory>

#include "../shared/module.hpp"

namespace tensorhold_python {

const char* struct_format(th::Dtype dtype) noexcept {
  switch (dtype) {
    case th::Dtype::boolean:
      return "?";
    case th::Dtype::u8:
      return "B";
    case th::Dtype::i8:
      return "b";
    case th::Dtype::i16:
      return "h";
    case th::Dtype::u16:
      return "H";
    case th::Dtype::f16:
      return "e";
    case th::Dtype::i32:
      return "i";
    case th::Dtype::u32:
      return "I";
    case th::Dtype::f32:
      return "f";
    case th::Dtype::c64:
      return "Zf";
    case th::Dtype::f64:
      return "d";
    case th::Dtype::i64:
      return "q";
    case th::Dtype::u64:
      return "Q";
    default:
      return nullptr;
  }
}

namespace {

/// Extents and strides of an exported buffer; lives in Py_buffer::internal.
struct Layout {
  std::vector<Py_ssize_t> extents;
  std::vector<Py_ssize_t> strides;
};

void require_format(const th::Tensor& tensor) {
  if (struct_format(tensor.dtype()) != nullptr) return;
  const std::string message = "buffers have no format for " +
                              std::string(th::to_string(tensor.dtype())) +
                              "; take the bytes of Tensor.raw, or an array of numpy with ml_dtypes";
  throw nb::buffer_error(message.c_str());
}

/// Fills `view` with the tensor, or where `raw` with its bytes as a flat array of them.
void fill(const th::Tensor& tensor, Py_buffer* view, int flags, bool raw) {
  if ((flags & PyBUF_FORMAT) != 0 && !raw) require_format(tensor);
  const bool writable = is_writable(tensor);
  if ((flags & PyBUF_WRITABLE) != 0 && !writable)
    throw nb::buffer_error("the tensor is read-only; ask File.writable(), or copy()");
  const std::span<const std::byte> bytes = bytes_of(tensor);
  view->buf = const_cast<std::byte*>(bytes.data());
  view->len = static_cast<Py_ssize_t>(bytes.size());
  view->readonly = writable ? 0 : 1;
  view->itemsize = raw ? 1 : static_cast<Py_ssize_t>(th::bits_of(tensor.dtype()) / 8);
  view->format = nullptr;
  if ((flags & PyBUF_FORMAT) != 0)
    view->format = const_cast<char*>(raw ? "B" : struct_format(tensor.dtype()));
  // Without a shape the bytes are what is exported.
  if ((flags & PyBUF_ND) == 0) {
    view->ndim = 1;
    return;
  }
  auto layout = std::make_unique<Layout>();
  if (raw || struct_format(tensor.dtype()) == nullptr) {
    view->itemsize = 1;
    layout->extents = {view->len};
  } else {
    for (const std::uint64_t extent : tensor.shape())
      layout->extents.push_back(static_cast<Py_ssize_t>(extent));
  }
  layout->strides.resize(layout->extents.size());
  Py_ssize_t stride = view->itemsize;
  for (std::size_t i = layout->extents.size(); i-- > 0;) {
    layout->strides[i] = stride;
    if (layout->extents[i] != 0) stride *= layout->extents[i];
  }
  view->ndim = static_cast<int>(layout->extents.size());
  if (view->ndim != 0) view->shape = layout->extents.data();
  if (view->ndim != 0 && (flags & PyBUF_STRIDES) == PyBUF_STRIDES)
    view->strides = layout->strides.data();
  view->internal = layout.release();
}

int get_buffer(PyObject* exporter, const th::Tensor& tensor, Py_buffer* view, int flags, bool raw) {
  *view = Py_buffer{};
  try {
    fill(tensor, view, flags, raw);
  } catch (const th::Error& error) {
    set_error(error);
    return -1;
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_BufferError, error.what());
    return -1;
  }
  view->obj = Py_NewRef(exporter);
  return 0;
}

/// False, with TypeError: made by __new__ alone, so there is nothing in it.
bool is_made(PyObject* self) {
  if (nb::inst_ready(self)) return true;
  PyErr_Format(PyExc_TypeError, "this %s was made by __new__ alone; it comes from a File or a copy",
               Py_TYPE(self)->tp_name);
  return false;
}

int get_tensor_buffer(PyObject* self, Py_buffer* view, int flags) {
  if (!is_made(self)) return -1;
  return get_buffer(self, nb::inst_ptr<PyTensor>(self)->tensor, view, flags, false);
}

int get_raw_buffer(PyObject* self, Py_buffer* view, int flags) {
  if (!is_made(self)) return -1;
  return get_buffer(self, nb::inst_ptr<RawBytes>(self)->tensor, view, flags, true);
}

void release_buffer(PyObject*, Py_buffer* view) {
  delete static_cast<Layout*>(view->internal);
  view->internal = nullptr;
}

}  // namespace

PyType_Slot tensor_slots[] = {
    {Py_bf_getbuffer, reinterpret_cast<void*>(get_tensor_buffer)},
    {Py_bf_releasebuffer, reinterpret_cast<void*>(release_buffer)},
    {0, nullptr},
};

PyType_Slot raw_slots[] = {
    {Py_bf_getbuffer, reinterpret_cast<void*>(get_raw_buffer)},
    {Py_bf_releasebuffer, reinterpret_cast<void*>(release_buffer)},
    {0, nullptr},
};

nb::object raw_view(const th::Tensor& tensor, Token token) {
  const nb::object raw = nb::cast(RawBytes{tensor, std::move(token)});
  nb::object view = nb::steal(PyMemoryView_FromObject(raw.ptr()));
  if (!view.is_valid()) throw nb::python_error();
  return view;
}

}  // namespace tensorhold_python
