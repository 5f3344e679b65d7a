// Edits of files without writing them anew.
#include "arrays/given.hpp"
#include "shared/waiting.hpp"

namespace tensorhold_python {
namespace {

nb::object edited_value(const th::Edited& edited) {
  return package("tensorhold._values", "Edited")(edited.changed, edited.rewritten, edited.shared,
                                                 edited.released, edited.why);
}

th::EditOptions options_of(std::optional<bool> durable, bool follow_symlink, double lock_timeout,
                           unsigned threads, const Reporter& reporter) {
  th::EditOptions options;
  options.durable = is_durable(durable);
  options.follow_symlink = follow_symlink;
  options.lock_timeout = timeout_of(lock_timeout);
  options.threads = threads;
  options.progress = reporter.function();
  return options;
}

nb::object edit_metadata(nb::handle path, nb::handle set, nb::handle remove,
                         std::optional<bool> durable, bool follow_symlink, double lock_timeout,
                         std::uint64_t reserve_header, unsigned threads, nb::object progress,
                         bool in_place) {
  const std::string text = path_of(path);
  th::MetadataChanges changes;
  changes.set = metadata_of(set).value_or(th::Metadata());
  if (PyUnicode_Check(remove.ptr())) throw nb::type_error("remove is a list of keys, not one");
  for (const nb::handle key : nb::iter(remove)) changes.remove.emplace_back(utf8_of(key));
  const Reporter reporter(std::move(progress), "Editing");
  th::EditOptions options = options_of(durable, follow_symlink, lock_timeout, threads, reporter);
  options.reserve_header = reserve_header;
  options.in_place = in_place;
  return edited_value(waiting(options.lock_timeout, [&, once = options](auto wait) mutable {
    once.lock_timeout = wait;
    return th::edit_metadata(text, changes, once);
  }));
}

/// Refuses elements that are not those of the file's tensor. What else is wrong, the edit says.
void check(const std::string& path, const std::string& name, const Given& given) {
  if (given.plain()) return;
  const th::File file = without_gil([&] { return th::open(path, {.access = th::Access::owned}); });
  const auto index = file.find(name);
  if (!index) return;
  const th::TensorInfo info = file.info(*index);
  given.check(name, info.dtype, info.shape);
}

nb::object overwrite(nb::handle path, nb::handle name, nb::handle data, std::optional<bool> durable,
                     bool follow_symlink, double lock_timeout, unsigned threads,
                     nb::object progress) {
  const std::string text = path_of(path);
  const std::string tensor(utf8_of(name));
  const Given given(tensor, data);
  check(text, tensor, given);
  const Reporter reporter(std::move(progress), "Editing");
  const th::EditOptions options =
      options_of(durable, follow_symlink, lock_timeout, threads, reporter);
  return edited_value(waiting(options.lock_timeout, [&, once = options](auto wait) mutable {
    once.lock_timeout = wait;
    return th::overwrite(text, tensor, given.bytes(), once);
  }));
}

}  // namespace

void bind_edit(nb::module_& module) {
  module.def("edit_metadata", edit_metadata, nb::arg("path"), nb::arg("set") = nb::none(),
             nb::arg("remove") = nb::make_tuple(), nb::kw_only(), nb::arg("durable") = nb::none(),
             nb::arg("follow_symlink") = false, nb::arg("lock_timeout") = 0.0,
             nb::arg("reserve_header") = 4096, nb::arg("threads") = 0,
             nb::arg("progress") = nb::none(), nb::arg("in_place") = false,
             "Changes metadata, in place where it fits. durable as of save().");
  module.def("overwrite", overwrite, nb::arg("path"), nb::arg("name"), nb::arg("data"),
             nb::kw_only(), nb::arg("durable") = nb::none(), nb::arg("follow_symlink") = false,
             nb::arg("lock_timeout") = 0.0, nb::arg("threads") = 0,
             nb::arg("progress") = nb::none(),
             "Writes over a tensor's bytes in place. durable as of save().");
}

}  // namespace tensorhold_python
