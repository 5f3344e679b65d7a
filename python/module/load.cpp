// Bulk loads: many tensors read at once, by threads of the library.
#include "shared/module.hpp"

namespace tensorhold_python {
namespace {

th::LoadOptions options_of(unsigned threads, std::uint64_t memory_budget,
                           const Reporter& reporter) {
  return {.threads = threads, .memory_budget = memory_budget, .progress = reporter.function()};
}

/// The names as they stand in `names`, or with None all, in offset order.
std::vector<std::string> names_of(const PyFile& self, nb::handle names) {
  std::vector<std::string> list;
  if (names.is_none()) {
    for (std::size_t i = 0; i < self.file.size(); ++i) list.emplace_back(self.file.info(i).name);
  } else if (PyUnicode_Check(names.ptr())) {
    throw nb::type_error("names is a list of names, not one");
  } else {
    for (const nb::handle name : nb::iter(names)) list.emplace_back(utf8_of(name));
  }
  return list;
}

nb::dict load(const PyFile& self, nb::handle names, unsigned threads, std::uint64_t memory_budget,
              nb::object progress) {
  const std::vector<std::string> list = names_of(self, names);
  const Reporter reporter(std::move(progress), "Loading");
  const th::LoadOptions options = options_of(threads, memory_budget, reporter);
  std::vector<th::Tensor> tensors = without_gil([&] {
    th::Plan plan(self.file);
    for (const std::string& name : list) static_cast<void>(plan.add(name));
    return plan.load(options);
  });
  nb::dict loaded;
  for (std::size_t i = 0; i < list.size(); ++i)
    loaded[utf8(list[i])] = tensor_object({.tensor = std::move(tensors[i])});
  return loaded;
}

std::uint64_t prefetch(const PyFile& self, nb::handle names, unsigned threads,
                       std::uint64_t memory_budget, nb::object progress) {
  const std::vector<std::string> list = names_of(self, names);
  const std::vector<std::string_view> views(list.begin(), list.end());
  const Reporter reporter(std::move(progress), "Loading");
  const th::LoadOptions options = options_of(threads, memory_budget, reporter);
  return without_gil([&] { return self.file.prefetch(views, options); });
}

}  // namespace

void bind_load(nb::class_<PyFile>& file) {
  file.def("load", load, nb::arg("names") = nb::none(), nb::kw_only(), nb::arg("threads") = 0,
           nb::arg("memory_budget") = 0, nb::arg("progress") = nb::none(),
           "Reads tensors, all or those named, at once: a dict of owned, writable ones.");
  file.def("prefetch", prefetch, nb::arg("names") = nb::none(), nb::kw_only(),
           nb::arg("threads") = 0, nb::arg("memory_budget") = 0, nb::arg("progress") = nb::none(),
           "Brings in what will be read soon; gives the number of bytes.");
}

}  // namespace tensorhold_python
