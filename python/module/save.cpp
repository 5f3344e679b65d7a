// save() and serialize(): what may stand in their mapping, and the calls.
#include <algorithm>
#include <deque>

#include "arrays/given.hpp"

namespace tensorhold_python {
namespace {

/// The mapping's tensors, and what keeps them in place until the save is done.
class Tensors {
 public:
  explicit Tensors(nb::handle mapping) {
    for (const nb::handle pair :
         nb::iter(items_of(mapping, "tensors is a mapping of names to values"))) {
      const nb::object key = pair[0];
      if (!PyUnicode_Check(key.ptr())) throw nb::type_error("the names of tensors are str");
      add(std::string(utf8_of(key)), pair[1]);
    }
  }

  [[nodiscard]] std::span<const th::SaveTensor> list() const noexcept { return list_; }

 private:
  void add(std::string name, const nb::object& value) {
    names_.push_back(std::move(name));
    const std::string& kept = names_.back();
    if (nb::isinstance<PyTensor>(value)) {
      tensors_.push_back(nb::cast<const PyTensor&>(value).tensor);
      const th::Tensor& tensor = tensors_.back();
      static_cast<void>(bytes_of(tensor));
      list_.emplace_back(kept, tensor);
    } else if (PyTuple_Check(value.ptr())) {
      add_parts(kept, value);
    } else {
      add_array(kept, value);
    }
  }

  /// (dtype, shape, buffer)
  void add_parts(const std::string& name, nb::handle parts) {
    if (nb::len(parts) != 3) refuse(name, "a tuple is (dtype, shape, buffer)");
    const th::Dtype dtype = dtype_of_name(utf8_of(nb::object(parts[0])));
    shapes_.push_back(shape_of(parts[1]));
    buffers_.emplace_back(parts[2], PyBUF_SIMPLE);
    list_.emplace_back(name, dtype, shapes_.back(), buffers_.back().bytes());
  }

  /// An array that exports a buffer, contiguous or not, or a framework's tensor.
  void add_array(const std::string& name, const nb::object& value) {
    if (nb::hasattr(value, "items") && PyObject_CheckBuffer(value.ptr()) == 0)
      refuse(name,
             "a mapping, not a tensor; flatten it first, as in {f\"{outer}.{inner}\": tensor for "
             "outer, layer in tensors.items() for inner, tensor in layer.items()}");
    const Given& given = arrays_.emplace_back(name, value);
    list_.emplace_back(name, given.dtype(), given.shape(), given.bytes());
  }

  [[noreturn]] static void refuse(const std::string& name, const std::string& why) {
    throw nb::type_error(("tensor \"" + shown(name) + "\": " + why).c_str());
  }

  // Deques: what is borrowed stays where it is.
  std::deque<std::string> names_;
  std::deque<std::vector<std::uint64_t>> shapes_;
  std::deque<Buffer> buffers_;
  std::deque<Given> arrays_;
  std::deque<th::Tensor> tensors_;
  std::vector<th::SaveTensor> list_;
};

nb::bytes serialize(nb::handle tensors, nb::handle metadata, std::uint64_t align,
                    std::uint64_t reserve_header);

void save(nb::handle path, nb::handle tensors, nb::handle metadata, std::uint64_t align,
          std::uint64_t reserve_header, bool follow_symlink, std::optional<bool> durable,
          unsigned threads, nb::object progress, bool in_place) {
  if (!PyUnicode_Check(path.ptr()) &&
      nb::cast<bool>(package("tensorhold._adapter", "is_stream")(path))) {
    const nb::bytes content = serialize(tensors, metadata, align, reserve_header);
    package("tensorhold._adapter", "write_to")(path, content);
    return;
  }
  const std::string text = path_of(path);
  const Tensors list(tensors);
  const auto pairs = metadata_of(metadata);
  const Reporter reporter(std::move(progress), "Saving");
  const th::SaveOptions options{.align = align,
                                .reserve_header = reserve_header,
                                .follow_symlink = follow_symlink,
                                .durable = is_durable(durable),
                                .threads = threads,
                                .progress = reporter.function(),
                                .in_place = in_place};
  without_gil([&] { th::save(text, list.list(), pairs, options); });
}

nb::bytes serialize(nb::handle tensors, nb::handle metadata, std::uint64_t align,
                    std::uint64_t reserve_header) {
  const Tensors list(tensors);
  const auto pairs = metadata_of(metadata);
  const th::SaveOptions options{.align = align, .reserve_header = reserve_header};
  const std::vector<std::byte> bytes =
      without_gil([&] { return th::save_bytes(list.list(), pairs, options); });
  return made_bytes(bytes.size(),
                    [&](std::span<std::byte> made) { std::ranges::copy(bytes, made.begin()); });
}

}  // namespace

std::optional<th::Metadata> metadata_of(nb::handle metadata) {
  if (metadata.is_none()) return std::nullopt;
  th::Metadata list;
  for (const nb::handle pair :
       nb::iter(items_of(metadata, "metadata is a mapping of str to str"))) {
    if (!PyUnicode_Check(nb::object(pair[0]).ptr()) || !PyUnicode_Check(nb::object(pair[1]).ptr()))
      throw nb::type_error(
          nb::cast<std::string>(package("tensorhold._adapter", "why_no_metadata")(*pair)).c_str());
    list.emplace_back(utf8_of(nb::object(pair[0])), utf8_of(nb::object(pair[1])));
  }
  return list;
}

void bind_save(nb::module_& module) {
  module.def(
      "save", save, nb::arg("path"), nb::arg("tensors"), nb::arg("metadata") = nb::none(),
      nb::kw_only(), nb::arg("align") = 8, nb::arg("reserve_header") = 0,
      nb::arg("follow_symlink") = false, nb::arg("durable") = nb::none(), nb::arg("threads") = 0,
      nb::arg("progress") = nb::none(), nb::arg("in_place") = false,
      "Writes a file that replaces path in one step. It survives a power cut if durable, which "
      "None is unless the environment has TENSORHOLD_DURABLE=0.");
  module.def("serialize", serialize, nb::arg("tensors"), nb::arg("metadata") = nb::none(),
             nb::kw_only(), nb::arg("align") = 8, nb::arg("reserve_header") = 0,
             "The bytes that save() would write.");
}

}  // namespace tensorhold_python
