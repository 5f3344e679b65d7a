// Holds on files, changes of held files, and locks.
#include <memory>

#include "shared/waiting.hpp"

namespace tensorhold_python {
namespace {

nb::object holders(nb::handle path) {
  static constexpr const char* proofs[] = {"held", "free", "unknown"};
  const std::string text = path_of(path);
  const th::Holders found = without_gil([&] { return th::holders(text); });
  nb::list list;
  for (const th::Holder& holder : found) list.append(holder_value(holder));
  return package("tensorhold._values", "Holders")(list, found.unseen,
                                                  proofs[static_cast<std::size_t>(found.proof)]);
}

nb::object release(nb::handle path, unsigned threads, nb::object progress, bool pinned_elsewhere) {
  const std::string text = path_of(path);
  const Reporter reporter(std::move(progress), "Releasing");
  const th::ReleaseOptions options{
      .threads = threads, .progress = reporter.function(), .pinned_elsewhere = pinned_elsewhere};
  return released_value(without_gil([&] { return th::release(text, options); }));
}

nb::object changed_value(const th::Changed& changed) {
  return package("tensorhold._values", "Changed")(changed.released, path_text(changed.moved_to));
}

nb::object remove(nb::handle path, bool reclaim_space) {
  const std::string text = path_of(path);
  return changed_value(
      without_gil([&] { return th::remove(text, {.reclaim_space = reclaim_space}); }));
}

nb::object replace(nb::handle from, nb::handle path, std::optional<bool> durable, bool in_place) {
  const std::string source = path_of(from);
  const std::string target = path_of(path);
  const th::ReplaceOptions options{.durable = is_durable(durable), .in_place = in_place};
  return changed_value(without_gil([&] { return th::replace(source, target, options); }));
}

/// A lock as Python has it. Used with the GIL, so by one thread at a time.
struct PyLock {
  th::FileLock lock;
};

using TakeLock = th::FileLock (*)(const th::Path&, std::chrono::milliseconds);

template <TakeLock take>
PyLock take_lock(nb::handle path, double timeout) {
  const std::string text = path_of(path);
  return {waiting(timeout_of(timeout), [&](auto slice) { return take(text, slice); })};
}

}  // namespace

nb::object released_value(const th::Released& released) {
  return package("tensorhold._values", "Released")(released.files, released.tensors,
                                                   released.bytes);
}

void bind_holds(nb::module_& module) {
  module.def("holders", holders, nb::arg("path"),
             "Who holds the file: live tensors of this process by name, and other processes.");
  module.def("release", release, nb::arg("path"), nb::kw_only(), nb::arg("threads") = 0,
             nb::arg("progress") = nb::none(), nb::arg("pinned_elsewhere") = false,
             "Lets go of the file in place: tensors keep address and values, every open File of "
             "the path ends.");
  module.def("remove", remove, nb::arg("path"), nb::kw_only(), nb::arg("reclaim_space") = false,
             "Deletes a file, whoever has it mapped; releases first where the system refuses.");
  module.def("replace", replace, nb::arg("new"), nb::arg("path"), nb::kw_only(),
             nb::arg("durable") = nb::none(), nb::arg("in_place") = false,
             "Moves the file `new` over `path` in one step, whoever has that mapped. durable as of "
             "save().");
  nb::class_<PyLock>(module, "FileLock", "A lock on a file; ends with the with block, or unlock().")
      .def_prop_ro(
          "path", [](const PyLock& self) { return path_text(self.lock.path()); },
          "The file that is locked.")
      .def_prop_ro(
          "owns", [](const PyLock& self) { return self.lock.owns(); },
          "True until it was unlocked.")
      .def(
          "unlock", [](PyLock& self) { self.lock.unlock(); }, "Ends the lock now.")
      .def("__enter__", [](nb::object self) { return self; })
      .def(
          "__exit__", [](PyLock& self, nb::handle, nb::handle, nb::handle) { self.lock.unlock(); },
          nb::arg("kind").none(), nb::arg("error").none(), nb::arg("trace").none());
  module.def("lock_shared", take_lock<th::lock_shared>, nb::arg("path"), nb::arg("timeout") = 0.0,
             "Takes a lock that others may share, waiting so many seconds for it.");
  module.def("lock_exclusive", take_lock<th::lock_exclusive>, nb::arg("path"),
             nb::arg("timeout") = 0.0,
             "Takes a lock that nobody shares, waiting so many seconds for it.");
}

}  // namespace tensorhold_python
