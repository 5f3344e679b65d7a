// The Python module tensorhold._core.
#include <stdexcept>

#include "arrays/bulk.hpp"

NB_MODULE(_core, module) {
  using namespace tensorhold_python;
  // Its types, and what it knows of files, are one for the process.
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    throw std::runtime_error(
        "tensorhold does not work in a subinterpreter: what it maps and holds belongs to the main "
        "one. Import it in the main interpreter, or in a process of its own.");
  }
  // Tensors may outlive everything, also the interpreter's last look at its modules.
  nb::set_leak_warnings(false);
  module.attr("__version__") = TENSORHOLD_VERSION;
  bind_errors(module);
  bind_tensor(module);
  bind_file(module);
  bind_holds(module);
  bind_save(module);
  bind_bulk(module);
  bind_writer(module);
  bind_edit(module);
}
