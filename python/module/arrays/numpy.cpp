// Tensor.__array__: NumPy arrays, with NumPy imported when the first one is asked for.
#include "../shared/module.hpp"

namespace tensorhold_python {
namespace {

/// Name in ml_dtypes of a dtype that NumPy has not, or nullptr.
const char* ml_dtypes_name(th::Dtype dtype) noexcept {
  switch (dtype) {
    case th::Dtype::bf16:
      return "bfloat16";
    case th::Dtype::f8_e4m3:
      return "float8_e4m3fn";
    case th::Dtype::f8_e5m2:
      return "float8_e5m2";
    case th::Dtype::f8_e8m0:
      return "float8_e8m0fnu";
    case th::Dtype::f8_e4m3fnuz:
      return "float8_e4m3fnuz";
    case th::Dtype::f8_e5m2fnuz:
      return "float8_e5m2fnuz";
    default:
      return nullptr;
  }
}

[[noreturn]] void refuse(th::Dtype dtype, const char* advice) {
  throw nb::type_error(
      ("NumPy has no dtype for " + std::string(th::to_string(dtype)) + "; " + advice).c_str());
}

nb::object extended_dtype(th::Dtype dtype) {
  const char* const name = ml_dtypes_name(dtype);
  if (name == nullptr) refuse(dtype, "take the packed bytes of Tensor.raw");
  nb::object package;
  try {
    package = nb::module_::import_("ml_dtypes");
  } catch (nb::python_error& error) {
    if (!error.matches(PyExc_ImportError)) throw;
    refuse(dtype, "install ml_dtypes, or take the bytes of Tensor.raw");
  }
  if (!nb::hasattr(package, name)) refuse(dtype, "this version of ml_dtypes is too old for it");
  return package.attr(name);
}

nb::object array_of(nb::handle object, const PyTensor& self, const nb::module_& numpy) {
  const th::Tensor& tensor = self.tensor;
  if (struct_format(tensor.dtype()) == nullptr)
    return numpy.attr("ndarray")(shape_tuple(tensor.shape()), extended_dtype(tensor.dtype()),
                                 raw_view(tensor, self.token));
  const nb::object view = nb::steal(PyMemoryView_FromObject(object.ptr()));
  if (!view.is_valid()) throw nb::python_error();
  return numpy.attr("asarray")(view);
}

}  // namespace

std::optional<th::Dtype> extended_dtype_of(nb::handle array) {
  const nb::object name = nb::getattr(nb::getattr(array, "dtype", nb::none()), "name", nb::none());
  std::string_view text;
  if (!nb::try_cast(name, text)) return std::nullopt;
  for (std::size_t i = 0; i < th::dtype_count; ++i) {
    const auto dtype = static_cast<th::Dtype>(i);
    const char* const known = ml_dtypes_name(dtype);
    if (known != nullptr && text == known) return dtype;
  }
  return std::nullopt;
}

nb::object to_array(nb::handle self, nb::handle dtype, std::optional<bool> copy) {
  const auto& owner = nb::cast<const PyTensor&>(self);
  const th::Tensor& tensor = owner.tensor;
  const nb::module_ numpy = nb::module_::import_("numpy");
  const nb::object array = array_of(self, owner, numpy);
  const bool same = dtype.is_none() || array.attr("dtype").equal(numpy.attr("dtype")(dtype));
  if (!same && copy.has_value() && !*copy)
    throw nb::value_error("another dtype needs a copy; leave copy=False out");
  if (same && !copy.value_or(false)) return array;
  // By the library, which reports a file that was cut short.
  const nb::object copied = numpy.attr("empty")(array.attr("shape"), array.attr("dtype"));
  const Buffer place(copied, PyBUF_WRITABLE);
  without_gil([&] { tensor.copy_to(place.bytes()); });
  return same ? copied : nb::object(copied.attr("astype")(dtype));
}

}  // namespace tensorhold_python
