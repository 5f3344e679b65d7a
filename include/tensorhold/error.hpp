// Errors: one exception type with a frozen code, and a result for callers that do not throw.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tensorhold/export.hpp"
#include "tensorhold/holder.hpp"

namespace tensorhold {
inline namespace v0 {

/// What went wrong. Numbers and names are frozen (tests/base/code_test.cpp): codes are only
/// appended. Families by hundreds: 0 general, 1 system, 2 format, 3 use of tensors, 4 holds.
enum class Code : std::int32_t {
  invalid_argument = 1,  ///< an argument that no file could make right
  out_of_memory = 2,     ///< the system refused memory
  cancelled = 3,         ///< the caller's stop token was set
  unsupported = 4,       ///< this system or build cannot do it at all

  io_error = 100,           ///< the system reported a failure; see Error::os_error()
  not_found = 101,          ///< no such file
  permission_denied = 102,  ///< not allowed by the system
  not_a_file = 103,         ///< a folder, socket or device stands there
  no_space = 104,           ///< disk or quota full
  file_in_use = 105,        ///< held by others; see Error::holders()
  cannot_map = 106,         ///< the filesystem does not map this file
  unexpected_end = 107,     ///< the file became shorter while it was read
  not_durable = 108,        ///< the new file is in place, but not known to survive a power cut
  too_many_open = 109,      ///< limit of open handles or mappings reached
  already_exists = 110,     ///< a name that had to be free is taken

  not_safetensors = 200,   ///< the file is something else; the reason says what it looks like
  header_too_small = 201,  ///< fewer than 8 bytes
  header_too_large = 202,  ///< header length above OpenOptions::header_limit
  header_truncated = 203,  ///< header length beyond the end of the file
  invalid_utf8 = 204,      ///< header is not UTF-8
  invalid_json = 205,      ///< header is not JSON, or not one object
  duplicate_name = 206,    ///< a key occurs twice
  invalid_metadata = 207,  ///< __metadata__ is not a map of strings to strings
  invalid_entry = 208,     ///< a tensor's entry lacks a field or has one of a wrong type
  unknown_dtype = 209,     ///< a dtype that the format does not know
  shape_overflow = 210,    ///< the size of a shape does not fit in 64 bits
  size_mismatch = 211,     ///< end - begin differs from what dtype and shape need
  partial_byte = 212,      ///< a sub-byte tensor does not fill whole bytes
  invalid_offsets = 213,   ///< begin after end, or a hole or an overlap between tensors
  data_truncated = 214,    ///< the last tensor ends beyond the end of the file
  trailing_bytes = 215,    ///< bytes after the last tensor; OpenOptions::lenient accepts them
  sharded_model = 216,     ///< an index.json or a folder of shards, not one file

  tensor_not_found = 300,  ///< no tensor of that name
  dtype_mismatch = 301,    ///< a typed view of another dtype
  misaligned = 302,        ///< a typed view of bytes that the file did not align; copy() does
  swapped_bytes =
      303,  ///< a typed view of little-endian data on a big-endian machine; copy() converts
  invalid_slice = 304,    ///< a slice that the shape does not have
  not_contiguous = 305,   ///< a view of a slice that is not contiguous; copy() gathers it
  size_differs = 306,     ///< the destination's size is not the tensor's
  already_written = 307,  ///< a Writer was given these bytes before
  incomplete = 308,       ///< a Writer was not given all bytes

  closed = 400,    ///< the File was closed
  released = 401,  ///< the file was released; no new tensor can be had from it
  release_unsupported =
      402,                ///< this system has no proven way to release in place; nothing changed
  release_refused = 403,  ///< pinned memory or writers forbid it; nothing changed
  memory_limit =
      404,          ///< a limit of the machine or its container would be exceeded; nothing changed
  replaced = 405,   ///< another file stands at the path now
  modified = 406,   ///< the file was changed in place by others
  truncated = 407,  ///< the file was made shorter by others
  damaged = 408,    ///< a guarded mapping lost bytes; zeros stand there
  lock_conflict = 409,    ///< another process has the advisory lock; see Error::holders()
  release_partial = 410,  ///< released up to a chunk; the rest is still held; every byte is valid
};

/// Frozen name of a code, such as "duplicate_name"; "unknown" for a number that is not a code.
[[nodiscard]] TENSORHOLD_API std::string_view to_string(Code code) noexcept;

/// Everything an Error says, as plain values. Empty and absent fields do not apply.
struct ErrorInfo {
  Code code = Code::invalid_argument;
  std::string reason = {};                   ///< what is wrong, one clause without a full stop
  std::string advice = {};                   ///< what to do, one sentence
  std::string path = {};                     ///< file, UTF-8
  std::string tensor = {};                   ///< tensor
  std::optional<std::uint64_t> offset = {};  ///< byte in the file
  int os_error = 0;                          ///< errno or GetLastError(); 0: none
  std::vector<Holder> holders = {};          ///< who holds the file
};

/// The one exception of this library. Copying never throws; an Error is immutable and may be shared
/// between threads.
class TENSORHOLD_API Error : public std::exception {
 public:
  explicit Error(ErrorInfo info);

  /// `path: tensor "name": byte 123: reason (code; system's words). Advice.` with absent parts left
  /// out, in one line: control characters of paths and names, NUL among them, are shown as `\x00`.
  [[nodiscard]] const char* what() const noexcept override;
  [[nodiscard]] Code code() const noexcept;
  [[nodiscard]] const std::string& reason() const noexcept;
  [[nodiscard]] const std::string& advice() const noexcept;
  [[nodiscard]] const std::string& path() const noexcept;
  [[nodiscard]] const std::string& tensor() const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> offset() const noexcept;
  [[nodiscard]] int os_error() const noexcept;
  [[nodiscard]] std::span<const Holder> holders() const noexcept;
  [[nodiscard]] const ErrorInfo& info() const noexcept;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

/// Throws `error`. Out of line, so that this header compiles where exceptions are turned off.
[[noreturn]] TENSORHOLD_API void raise(Error error);

/// A value or an Error, for callers that do not throw. Usable from code compiled without
/// exceptions, as long as value() is called only on success.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  /// The value; raises the Error when there is none.
  [[nodiscard]] T& value() & { return check(), *std::get_if<0>(&state_); }
  [[nodiscard]] const T& value() const& { return check(), *std::get_if<0>(&state_); }
  [[nodiscard]] T&& value() && { return check(), std::move(*std::get_if<0>(&state_)); }
  /// The error. Precondition: !has_value().
  [[nodiscard]] const Error& error() const noexcept { return *std::get_if<1>(&state_); }

 private:
  void check() const {
    if (!has_value()) raise(error());
  }
  std::variant<T, Error> state_;
};

/// Success or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose
  [[nodiscard]] bool has_value() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (error_) raise(*error_);
  }
  [[nodiscard]] const Error& error() const noexcept { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace v0
}  // namespace tensorhold
