// The Python module tensorhold._core.
#include "bulk.hpp"

NB_MODULE(_core, module) {
  using namespace tensorhold_python;
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
