// tensorhold::Error becomes tensorhold.Error, by way of tensorhold/errors.py.
#include <filesystem>
#include <system_error>

#include "module.hpp"

namespace tensorhold_python {
namespace {

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(
      std::filesystem::path(std::u8string(path.begin(), path.end())), ignored);
}

nb::object python_error_of(const th::Error& error) {
  nb::list holders;
  for (const th::Holder& holder : error.holders()) holders.append(holder_value(holder));
  const bool folder = error.code() == th::Code::not_a_file && is_folder(error.path());
  return package("tensorhold.errors", "make_error")(
      path_text(error.what()), utf8(th::to_string(error.code())), static_cast<int>(error.code()),
      folder, utf8(error.reason()), utf8(error.advice()), path_text(error.path()),
      utf8(error.tensor()), error.offset(), error.os_error(), nb::tuple(holders));
}

void translate(const std::exception_ptr& pointer, void*) {
  try {
    std::rethrow_exception(pointer);
  } catch (const th::Error& error) {
    set_error(error);
  } catch (const nb::cast_error&) {
    // Its type was looked at before, so nothing is in it.
    PyErr_SetString(PyExc_TypeError,
                    "an object of tensorhold was made by __new__ alone; Tensors "
                    "come from a File, Files from open()");
  }
}

}  // namespace

void set_error(const th::Error& error) noexcept {
  try {
    const nb::object made = python_error_of(error);
    PyErr_SetObject(made.type().ptr(), made.ptr());
  } catch (nb::python_error& failed) {
    failed.restore();
  } catch (const std::exception& failed) {
    PyErr_SetString(PyExc_RuntimeError, failed.what());
  }
}

void bind_errors(nb::module_&) { nb::register_exception_translator(translate); }

}  // namespace tensorhold_python
