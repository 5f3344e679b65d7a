// What the files of the Python module share.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lending.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold_python {

namespace nb = nanobind;
namespace th = tensorhold;

/// A File as Python has it. Immutable, so that threads may share it.
struct PyFile {
  th::File file;
  bool release_on_exit = false;
  std::shared_ptr<Lending> lending = std::make_shared<Lending>();
};

/// A Tensor as Python has it. Immutable.
struct PyTensor {
  th::Tensor tensor;
  /// Of a read-only tensor with mapped access: where its writable view comes from. Else empty.
  th::File file = {};
  std::shared_ptr<Lending> lending = {};     ///< of that file
  std::optional<std::uint64_t> offset = {};  ///< in the file; none for an owned copy
  Token token = {};                          ///< of pages that others may have as well
};

/// Exports a tensor's bytes as a flat buffer of bytes, whatever its dtype.
struct RawBytes {
  th::Tensor tensor;
  Token token = {};
};

/// A buffer of a Python object, held until this goes, on whatever thread.
class Buffer {
 public:
  Buffer() = default;
  /// Contiguous bytes of `object`; TypeError or BufferError where it has none. Needs the GIL.
  Buffer(nb::handle object, int flags);
  Buffer(Buffer&&) = delete;  // its shape may be a pointer into the view itself
  Buffer& operator=(Buffer&&) = delete;
  ~Buffer();

  [[nodiscard]] const Py_buffer& view() const noexcept { return view_; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept {
    return {static_cast<std::byte*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  Py_buffer view_{};
};

// Arguments and results (arguments.cpp).
/// A path from str, bytes or os.PathLike, in the library's UTF-8 (on POSIX the bytes as they are).
[[nodiscard]] std::string path_of(nb::handle path);
[[nodiscard]] nb::str path_text(std::string_view path);
[[nodiscard]] nb::str utf8(std::string_view text);
/// A name for a message: control characters, NUL among them, as Python writes them in a literal.
[[nodiscard]] std::string shown(std::string_view name);
/// The text of a str, valid while it lives; TypeError for others, invalid_argument (a ValueError)
/// for lone surrogates.
[[nodiscard]] std::string_view utf8_of(nb::handle text);
[[nodiscard]] nb::tuple shape_tuple(std::span<const std::uint64_t> shape);
/// Whether `value` is one integer: an int, or what has __index__ and is neither a bool nor an array
/// with an axis.
[[nodiscard]] bool is_integer(nb::handle value);
[[nodiscard]] std::vector<std::uint64_t> shape_of(nb::handle shape);
[[nodiscard]] th::Dtype dtype_of_name(std::string_view name);
/// The pairs of a mapping; TypeError, naming `what`, for what is none. Needs the GIL.
[[nodiscard]] nb::object items_of(nb::handle mapping, const char* what);
/// From a mapping of str to str, or None.
[[nodiscard]] std::optional<th::Metadata> metadata_of(nb::handle metadata);
/// What a caller gave as durable=; where that is None, whether saves are durable by the
/// environment: unless TENSORHOLD_DURABLE is 0. Needs the GIL, under which Python changes the
/// environment.
[[nodiscard]] bool is_durable(std::optional<bool> given);
[[nodiscard]] th::Access access_of(std::string_view name);
[[nodiscard]] std::string_view access_name(th::Access access) noexcept;
[[nodiscard]] std::chrono::milliseconds timeout_of(double seconds);
[[nodiscard]] nb::object holder_value(const th::Holder& holder);
/// Makes `error` Python's current error.
void set_error(const th::Error& error) noexcept;
/// A class or function of the package's Python part.
[[nodiscard]] nb::object package(const char* module, const char* name);

/// Whether the interpreter is being finalized, by this thread or by another.
[[nodiscard]] bool finalizing() noexcept;
/// For a thread that the process shall end under.
[[noreturn]] void wait_for_ever() noexcept;

/// The time without the GIL. A thread that finds the interpreter ending meanwhile, so that it
/// cannot have the GIL any more, does not come back; forced_unwind.cpp has the rest of it.
class WithoutGil {
 public:
  WithoutGil() noexcept : finalizes_(finalizing()), state_(PyEval_SaveThread()) {}
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;
  ~WithoutGil() {
    if (!finalizes_ && finalizing()) wait_for_ever();
    PyEval_RestoreThread(state_);
  }

 private:
  bool finalizes_;  // with the GIL in hand: then this thread does it
  PyThreadState* state_;
};

/// Runs `work` without the GIL.
template <class Work>
auto without_gil(Work&& work) {
  const WithoutGil released;
  return std::forward<Work>(work)();
}

/// Bytes of that size, which `fill` writes without the GIL.
template <class Fill>
nb::bytes made_bytes(std::size_t size, Fill&& fill) {
  nb::bytes made =
      nb::steal<nb::bytes>(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
  if (!made.is_valid()) throw nb::python_error();
  const std::span content(reinterpret_cast<std::byte*>(PyBytes_AS_STRING(made.ptr())), size);
  without_gil([&] { std::forward<Fill>(fill)(content); });
  return made;
}

// Tensors (tensor.cpp, buffer.cpp, index.cpp, values.cpp, dlpack.cpp).
[[nodiscard]] nb::object tensor_object(PyTensor tensor);
[[nodiscard]] th::Slice slice_of(const th::Tensor& tensor, nb::handle index);
[[nodiscard]] bool is_writable(const th::Tensor& tensor);
/// The format character of the struct module, or nullptr for a dtype that it does not know.
[[nodiscard]] const char* struct_format(th::Dtype dtype) noexcept;
/// The tensor, or a copy of a mapped one: its bytes may be read by whom a fault in the mapping
/// would end. Raises what Tensor::copy() raises for a file that was cut short. Needs the GIL.
[[nodiscard]] th::Tensor safe(const th::Tensor& tensor);
/// The bytes in place; read first, without the GIL, where they are not there yet.
[[nodiscard]] std::span<const std::byte> bytes_of(const th::Tensor& tensor);
/// A memoryview of the bytes: format "B", one dimension.
[[nodiscard]] nb::object raw_view(const th::Tensor& tensor, Token token = {});
/// The dtype of an array of ml_dtypes, which Python's buffers have no format for.
[[nodiscard]] std::optional<th::Dtype> extended_dtype_of(nb::handle array);
[[nodiscard]] nb::object to_array(nb::handle self, nb::handle dtype, std::optional<bool> copy);
[[nodiscard]] nb::object to_list(const PyTensor& self);
[[nodiscard]] nb::object to_item(const PyTensor& self);
enum class Number : std::uint8_t { whole, real, complex, index, truth };
/// int(), float(), complex(), operator.index() or bool() of the one element, as of a NumPy array;
/// TypeError, or for bool() ValueError, where there is not one.
[[nodiscard]] nb::object to_number(const PyTensor& self, Number kind);
[[nodiscard]] nb::object to_dlpack(const PyTensor& self, nb::handle stream, nb::handle max_version,
                                   nb::handle device, std::optional<bool> copy);
extern PyType_Slot tensor_slots[];
extern PyType_Slot raw_slots[];

// Releases and saves (progress.cpp, holds.cpp).
/// An object that may be copied and dropped without the GIL.
using SharedObject = std::shared_ptr<nb::object>;
[[nodiscard]] SharedObject shared_object(nb::object object);

/// What a caller gave as progress=: a function of bytes done and in all, True for a bar, None or
/// False for neither (TypeError for anything else). For the time of the work; needs the GIL.
class Reporter {
 public:
  /// `title` stands before the bar.
  Reporter(nb::object progress, const char* title);
  Reporter(Reporter&& other) noexcept = default;
  Reporter& operator=(Reporter&&) = delete;
  ~Reporter();

  /// For the library, which calls it without the GIL; it sees Ctrl-C, too. May outlive the
  /// reporter.
  [[nodiscard]] th::Progress function() const;
  /// Ends the line of a bar; once.
  void end();

  // For the collector of cycles.
  int traverse(visitproc visit, void* arg) const;
  void clear();

 private:
  SharedObject callee_;  // None, or a callable
  nb::object close_;     // of a bar, until its line ended; else None
};

[[nodiscard]] nb::object released_value(const th::Released& released);

void bind_errors(nb::module_& module);
void bind_tensor(nb::module_& module);
void bind_file(nb::module_& module);
/// File.load and File.prefetch.
void bind_load(nb::class_<PyFile>& file);
void bind_holds(nb::module_& module);
void bind_save(nb::module_& module);
void bind_writer(nb::module_& module);
void bind_edit(nb::module_& module);

}  // namespace tensorhold_python
