// What callers are told while work goes on.
#include "module.hpp"

namespace tensorhold_python {

SharedObject shared_object(nb::object object) {
  return {new nb::object(std::move(object)), [](nb::object* last) {
            const nb::gil_scoped_acquire gil;
            delete last;
          }};
}

Reporter::Reporter(nb::object progress, const char* title) : close_(nb::none()) {
  if (PyBool_Check(progress.ptr())) {
    progress = progress.is(nb::handle(Py_True)) ? package("tensorhold._progress", "bar")(title)
                                                : nb::none();
    if (!progress.is_none()) close_ = progress.attr("close");
  } else if (!progress.is_none() && PyCallable_Check(progress.ptr()) == 0) {
    package("tensorhold._progress", "refuse")(progress);
  }
  callee_ = shared_object(std::move(progress));
}

Reporter::~Reporter() {
  if (!close_.is_valid() || close_.is_none()) return;
  const nb::error_scope kept;
  try {
    end();
  } catch (nb::python_error& error) {
    error.discard_as_unraisable("the end of a progress bar");
  }
}

th::Progress Reporter::function() const {
  return [callee = callee_](std::uint64_t done, std::uint64_t total) {
    const nb::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    if (!callee->is_none()) (*callee)(done, total);
  };
}

void Reporter::end() {
  if (!close_.is_none()) std::exchange(close_, nb::none())();
}

int Reporter::traverse(visitproc visit, void* arg) const {
  Py_VISIT(callee_->ptr());
  Py_VISIT(close_.ptr());
  return 0;
}

void Reporter::clear() {
  *callee_ = nb::none();
  close_ = nb::none();
}

}  // namespace tensorhold_python
