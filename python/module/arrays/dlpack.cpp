// Tensor.__dlpack__: memory that the consumer may write, because some do without asking.
#include "dlpack.hpp"

#include <algorithm>
#include <memory>

#include "../shared/module.hpp"

namespace tensorhold_python {
std::optional<dlpack::DataType> dlpack::data_type(th::Dtype dtype) noexcept {
  const auto of = [&](std::uint8_t code) {
    return dlpack::DataType{code, static_cast<std::uint8_t>(th::bits_of(dtype)), 1};
  };
  switch (dtype) {
    case th::Dtype::i8:
    case th::Dtype::i16:
    case th::Dtype::i32:
    case th::Dtype::i64:
      return of(0);
    case th::Dtype::u8:
    case th::Dtype::u16:
    case th::Dtype::u32:
    case th::Dtype::u64:
      return of(1);
    case th::Dtype::f16:
    case th::Dtype::f32:
    case th::Dtype::f64:
      return of(2);
    case th::Dtype::bf16:
      return of(4);
    case th::Dtype::c64:
      return of(5);
    case th::Dtype::boolean:
      return of(6);
    case th::Dtype::f8_e4m3:
      return of(10);
    case th::Dtype::f8_e4m3fnuz:
      return of(11);
    case th::Dtype::f8_e5m2:
      return of(12);
    case th::Dtype::f8_e5m2fnuz:
      return of(13);
    case th::Dtype::f8_e8m0:
      return of(14);
    default:
      return std::nullopt;  // packed: consumers differ in what they take these for
  }
}

namespace {

/// What an unversioned capsule begins at a multiple of, because its consumer cannot be told
/// otherwise. Owned memory always does.
constexpr std::size_t plain_alignment = 64;

std::size_t alignment_of(th::Dtype dtype) noexcept {
  return th::bits_of(dtype) / 8 / (dtype == th::Dtype::c64 ? 2 : 1);
}

/// Private, writable, aligned, in the machine's byte order.
struct Exported {
  th::Tensor tensor;
  std::span<std::byte> bytes;
  Token token = {};
  bool copied = false;
};

/// The tensor in pages that its consumer may write, if it can have them.
std::optional<Exported> writable_view(const PyTensor& self) {
  if (is_writable(self.tensor)) return Exported{self.tensor, {}, self.token};
  if (!self.file.valid()) return std::nullopt;
  Token token = self.lending->lend(self.tensor.name());
  if (!token) return std::nullopt;
  try {
    return Exported{self.file.writable(self.tensor.name()), {}, std::move(token)};
  } catch (const th::Error& error) {
    // A file that was let go has no new views; its tensor can still be copied.
    if (error.code() != th::Code::closed && error.code() != th::Code::released) throw;
    return std::nullopt;
  }
}

Exported exported(const PyTensor& self, std::optional<bool> copy, std::size_t alignment) {
  return without_gil([&]() -> Exported {
    if (!copy.value_or(false)) {
      if (auto view = writable_view(self)) {
        view->bytes = view->tensor.writable_bytes();
        const auto address = reinterpret_cast<std::uintptr_t>(view->bytes.data());
        if (view->bytes.empty() || address % alignment == 0) return *view;
      }
      if (copy.has_value())
        throw nb::buffer_error(
            "the tensor is shared and read-only, imported already, or not aligned, so only a copy "
            "can be exported; leave copy=False out, or ask File.writable() while the file is open");
    }
    th::Tensor made = self.tensor.copy();
    const std::span<std::byte> bytes = made.writable_bytes();
    return {std::move(made), bytes, {}, true};
  });
}

/// What a capsule's consumer gets. Its tensor may be dropped on any thread, without the GIL.
template <class Struct>
struct Package {
  Struct managed{};
  th::Tensor tensor;
  Token token;
  std::vector<std::int64_t> extents;
  std::vector<std::int64_t> strides;

  static void destroy(Struct* managed) { delete static_cast<Package*>(managed->manager); }
};

/// For a capsule that nobody consumed; a consumer renames it.
template <class Struct>
void drop_capsule(PyObject* capsule, const char* name) {
  if (PyCapsule_IsValid(capsule, name) == 0) return;
  auto* const managed = static_cast<Struct*>(PyCapsule_GetPointer(capsule, name));
  managed->deleter(managed);
}

template <class Struct>
nb::object capsule_of(Exported exported, dlpack::DataType type, const char* name,
                      PyCapsule_Destructor destructor) {
  auto package = std::make_unique<Package<Struct>>();
  for (const std::uint64_t extent : exported.tensor.shape())
    package->extents.push_back(static_cast<std::int64_t>(extent));
  package->strides.resize(package->extents.size());
  std::int64_t stride = 1;
  for (std::size_t i = package->extents.size(); i-- > 0;) {
    package->strides[i] = stride;
    if (package->extents[i] != 0) stride *= package->extents[i];
  }
  dlpack::Array& array = package->managed.array;
  array.data = exported.tensor.size() == 0 ? nullptr : exported.bytes.data();
  array.device = dlpack::cpu;
  array.ndim = static_cast<std::int32_t>(package->extents.size());
  array.dtype = type;
  array.shape = package->extents.data();
  array.strides = package->strides.data();
  package->tensor = std::move(exported.tensor);
  package->token = std::move(exported.token);
  package->managed.manager = package.get();
  package->managed.deleter = &Package<Struct>::destroy;
  if constexpr (requires { package->managed.flags; }) {
    package->managed.version = dlpack::version;
    package->managed.flags = exported.copied ? dlpack::flag_copied : 0;
  }
  nb::object capsule = nb::steal(PyCapsule_New(&package->managed, name, destructor));
  if (!capsule.is_valid()) throw nb::python_error();
  package.release();  // NOLINT(bugprone-unused-return-value): the capsule has it
  return capsule;
}

constexpr const char* plain_name = "dltensor";
constexpr const char* versioned_name = "dltensor_versioned";

void drop_plain(PyObject* capsule) { drop_capsule<dlpack::Managed>(capsule, plain_name); }
void drop_versioned(PyObject* capsule) {
  drop_capsule<dlpack::ManagedVersioned>(capsule, versioned_name);
}

}  // namespace

nb::object to_dlpack(const PyTensor& self, nb::handle stream, nb::handle max_version,
                     nb::handle device, std::optional<bool> copy) {
  if (!stream.is_none()) throw nb::buffer_error("the tensor is on the CPU, where no stream exists");
  if (!device.is_none() && !device.equal(nb::make_tuple(dlpack::cpu.type, dlpack::cpu.id)))
    throw nb::buffer_error("the tensor is on the CPU; move it after importing it there");
  const auto type = dlpack::data_type(self.tensor.dtype());
  if (!type) {
    const std::string message = "DLPack consumers do not agree on the packing of " +
                                std::string(th::to_string(self.tensor.dtype())) +
                                "; take the bytes of Tensor.raw";
    throw nb::buffer_error(message.c_str());
  }
  const bool versioned =
      !max_version.is_none() && nb::object(max_version[nb::int_(0)]) >= nb::int_(1);
  const std::size_t alignment = alignment_of(self.tensor.dtype());
  if (versioned)
    return capsule_of<dlpack::ManagedVersioned>(exported(self, copy, alignment), *type,
                                                versioned_name, drop_versioned);
  return capsule_of<dlpack::Managed>(exported(self, copy, std::max(alignment, plain_alignment)),
                                     *type, plain_name, drop_plain);
}

}  // namespace tensorhold_python
