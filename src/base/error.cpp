#include "tensorhold/error.hpp"

#include <utility>

#include "base/printable.hpp"
#include "base/system_message.hpp"

namespace tensorhold {
inline namespace v0 {

std::string_view to_string(Code code) noexcept {
  switch (code) {
    case Code::invalid_argument:
      return "invalid_argument";
    case Code::out_of_memory:
      return "out_of_memory";
    case Code::cancelled:
      return "cancelled";
    case Code::unsupported:
      return "unsupported";
    case Code::io_error:
      return "io_error";
    case Code::not_found:
      return "not_found";
    case Code::permission_denied:
      return "permission_denied";
    case Code::not_a_file:
      return "not_a_file";
    case Code::no_space:
      return "no_space";
    case Code::file_in_use:
      return "file_in_use";
    case Code::cannot_map:
      return "cannot_map";
    case Code::unexpected_end:
      return "unexpected_end";
    case Code::not_durable:
      return "not_durable";
    case Code::too_many_open:
      return "too_many_open";
    case Code::already_exists:
      return "already_exists";
    case Code::not_safetensors:
      return "not_safetensors";
    case Code::header_too_small:
      return "header_too_small";
    case Code::header_too_large:
      return "header_too_large";
    case Code::header_truncated:
      return "header_truncated";
    case Code::invalid_utf8:
      return "invalid_utf8";
    case Code::invalid_json:
      return "invalid_json";
    case Code::duplicate_name:
      return "duplicate_name";
    case Code::invalid_metadata:
      return "invalid_metadata";
    case Code::invalid_entry:
      return "invalid_entry";
    case Code::unknown_dtype:
      return "unknown_dtype";
    case Code::shape_overflow:
      return "shape_overflow";
    case Code::size_mismatch:
      return "size_mismatch";
    case Code::partial_byte:
      return "partial_byte";
    case Code::invalid_offsets:
      return "invalid_offsets";
    case Code::data_truncated:
      return "data_truncated";
    case Code::trailing_bytes:
      return "trailing_bytes";
    case Code::sharded_model:
      return "sharded_model";
    case Code::tensor_not_found:
      return "tensor_not_found";
    case Code::dtype_mismatch:
      return "dtype_mismatch";
    case Code::misaligned:
      return "misaligned";
    case Code::swapped_bytes:
      return "swapped_bytes";
    case Code::invalid_slice:
      return "invalid_slice";
    case Code::not_contiguous:
      return "not_contiguous";
    case Code::size_differs:
      return "size_differs";
    case Code::already_written:
      return "already_written";
    case Code::incomplete:
      return "incomplete";
    case Code::closed:
      return "closed";
    case Code::released:
      return "released";
    case Code::release_unsupported:
      return "release_unsupported";
    case Code::release_refused:
      return "release_refused";
    case Code::memory_limit:
      return "memory_limit";
    case Code::replaced:
      return "replaced";
    case Code::modified:
      return "modified";
    case Code::truncated:
      return "truncated";
    case Code::damaged:
      return "damaged";
    case Code::lock_conflict:
      return "lock_conflict";
    case Code::release_partial:
      return "release_partial";
  }
  return "unknown";
}

struct Error::Impl {
  ErrorInfo info;
  std::string what;
};

namespace {

std::string compose(const ErrorInfo& info) {
  std::string text;
  if (!info.path.empty()) text += info.path + ": ";
  if (!info.tensor.empty()) text += "tensor \"" + info.tensor + "\": ";
  if (info.offset) text += "byte " + std::to_string(*info.offset) + ": ";
  text += info.reason;
  text += " (";
  text += to_string(info.code);
  if (info.os_error != 0)
    text += "; system error " + std::to_string(info.os_error) + ", " +
            base::system_message(info.os_error);
  text += ')';
  if (!info.advice.empty()) text += ". " + info.advice;
  return base::printable(text);
}

}  // namespace

Error::Error(ErrorInfo info) {
  std::string what = compose(info);
  impl_ = std::make_shared<const Impl>(Impl{std::move(info), std::move(what)});
}

const char* Error::what() const noexcept { return impl_->what.c_str(); }
Code Error::code() const noexcept { return impl_->info.code; }
const std::string& Error::reason() const noexcept { return impl_->info.reason; }
const std::string& Error::advice() const noexcept { return impl_->info.advice; }
const std::string& Error::path() const noexcept { return impl_->info.path; }
const std::string& Error::tensor() const noexcept { return impl_->info.tensor; }
std::optional<std::uint64_t> Error::offset() const noexcept { return impl_->info.offset; }
int Error::os_error() const noexcept { return impl_->info.os_error; }
std::span<const Holder> Error::holders() const noexcept { return impl_->info.holders; }
const ErrorInfo& Error::info() const noexcept { return impl_->info; }

void raise(Error error) { throw error; }

}  // namespace v0
}  // namespace tensorhold
