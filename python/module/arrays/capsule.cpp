// Plain DLPack capsules made fast: one allocation each.
#include "bulk.hpp"
#include "dlpack.hpp"

#include <limits>
#include <new>

namespace tensorhold_python {
namespace {

constexpr const char* name = "dltensor";

/// What a capsule's consumer gets, and behind it in memory the extents. Its tensor may be dropped
/// on any thread, without the GIL.
struct Package {
  dlpack::Managed managed{};
  th::Tensor tensor;
  Token token;

  std::int64_t* extents() noexcept { return reinterpret_cast<std::int64_t*>(this + 1); }
  static void destroy(dlpack::Managed* managed) {
    auto* const self = static_cast<Package*>(managed->manager);
    self->~Package();
    ::operator delete(self);
  }
};
static_assert(sizeof(Package) % alignof(std::int64_t) == 0);

struct DestroyPackage {
  void operator()(Package* package) const noexcept { Package::destroy(&package->managed); }
};

void drop_capsule(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, name) == 0) return;  // consumed
  auto* const managed = static_cast<dlpack::Managed*>(PyCapsule_GetPointer(capsule, name));
  managed->deleter(managed);
}

[[noreturn]] void refuse(const th::Tensor& tensor, std::string reason) {
  throw th::Error({.code = th::Code::unsupported,
                   .reason = std::move(reason),
                   .advice = "Tensor.raw has the bytes of any tensor.",
                   .tensor = std::string(tensor.name())});
}

dlpack::DataType type_of(const th::Tensor& tensor, CapsuleForm form) {
  constexpr dlpack::DataType byte{1, 8, 1};
  constexpr dlpack::DataType pair_of_f4{17, 4, 2};
  if (tensor.dtype() == th::Dtype::f4) {
    if (tensor.shape().empty() || tensor.shape().back() % 2 != 0)
      refuse(tensor, "pairs of F4 need a last dimension that is even");
    return form == CapsuleForm::bytes ? byte : pair_of_f4;
  }
  const auto type = dlpack::data_type(tensor.dtype());
  if (!type) refuse(tensor, "dtype not understood: " + std::string(to_string(tensor.dtype())));
  return form == CapsuleForm::bytes ? byte : *type;
}

}  // namespace

nb::object plain_capsule(th::Tensor tensor, CapsuleForm form, Token token) {
  const std::span<const std::uint64_t> shape = tensor.shape();
  const dlpack::DataType type = type_of(tensor, form);
  const std::size_t pairs = tensor.dtype() == th::Dtype::f4 ? 2 : 1;
  const std::span<std::byte> bytes = tensor.writable_bytes();

  void* const memory = ::operator new(sizeof(Package) + shape.size() * sizeof(std::int64_t));
  std::unique_ptr<Package, DestroyPackage> package(new (memory) Package);
  package->managed.manager = package.get();
  package->managed.deleter = &Package::destroy;
  package->tensor = std::move(tensor);
  package->token = std::move(token);
  dlpack::Array& array = package->managed.array;
  array.data = bytes.empty() ? nullptr : bytes.data();
  array.device = dlpack::cpu;
  array.ndim = static_cast<std::int32_t>(shape.size());
  array.dtype = type;
  array.shape = package->extents();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      refuse(package->tensor, "an extent does not fit in 63 bits");
    array.shape[i] = static_cast<std::int64_t>(shape[i]);
  }
  if (pairs == 2) array.shape[shape.size() - 1] /= 2;

  nb::object capsule = nb::steal(PyCapsule_New(&package->managed, name, drop_capsule));
  if (!capsule.is_valid()) throw nb::python_error();
  package.release();  // NOLINT(bugprone-unused-return-value): the capsule has it
  return capsule;
}

}  // namespace tensorhold_python
