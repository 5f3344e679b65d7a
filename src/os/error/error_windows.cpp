#include "os/error/error_windows.hpp"

#include <array>

#include "base/system_message.hpp"
#include "os/error/api_windows.hpp"
#include "os/error/path_windows.hpp"

namespace tensorhold {

namespace base {

std::string system_message(int error) {
  // A buffer of our own: LocalFree and its failures need not be handled.
  std::array<wchar_t, 512> text{};
  const DWORD size =
      FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr,
                     static_cast<DWORD>(error), 0, text.data(), text.size(), nullptr);
  std::wstring_view words(text.data(), size);
  while (!words.empty() && (words.back() <= L' ' || words.back() == L'.')) words.remove_suffix(1);
  return words.empty() ? "no text for it" : os::windows::utf8(words);
}

}  // namespace base

namespace os::windows {
namespace {

constexpr DWORD error_delete_pending = 303;
constexpr DWORD error_directory_not_supported = 336;
constexpr DWORD error_disk_quota_exceeded = 1295;

std::string_view advice_of(Code code) noexcept {
  switch (code) {
    case Code::not_found:
      return "Check the path.";
    case Code::permission_denied:
      return "Check the permissions and the read-only attribute; a file that is being deleted, or "
             "that others have mapped, answers the same.";
    case Code::file_in_use:
      return "Close the programs that use the file; `tensorhold holders` lists them.";
    case Code::no_space:
      return "Free space on the volume, or raise the quota.";
    case Code::too_many_open:
      return "Close files that are no longer needed.";
    case Code::out_of_memory:
      return "Free memory, enlarge the page file, or map read-only, which needs neither.";
    case Code::unexpected_end:
      return "The file was made shorter by others; fetch it again.";
    case Code::already_exists:
      return "Choose another name, or remove what stands there.";
    case Code::not_a_file:
      return "Give the path of a file.";
    case Code::invalid_argument:
      return "Correct the path.";
    case Code::unsupported:
      return "Use a file on a local disk.";
    default:
      return "Check the disk and the connection to it, then try again.";
  }
}

}  // namespace

Code code_of(std::uint32_t error) noexcept {
  switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_DRIVE:
    case ERROR_BAD_NETPATH:
    case ERROR_BAD_NET_NAME:
      return Code::not_found;
    case ERROR_INVALID_NAME:
    case ERROR_BAD_PATHNAME:
    case ERROR_FILENAME_EXCED_RANGE:
      return Code::invalid_argument;
    case ERROR_ACCESS_DENIED:
    case ERROR_WRITE_PROTECT:
    case ERROR_NETWORK_ACCESS_DENIED:
    case ERROR_PRIVILEGE_NOT_HELD:
      return Code::permission_denied;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_BUSY:
    case error_delete_pending:
    case error_user_mapped_file:
      return Code::file_in_use;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
    case error_disk_quota_exceeded:
      return Code::no_space;
    case ERROR_TOO_MANY_OPEN_FILES:
      return Code::too_many_open;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_COMMITMENT_LIMIT:
    case ERROR_NO_SYSTEM_RESOURCES:
      return Code::out_of_memory;
    case ERROR_HANDLE_EOF:
      return Code::unexpected_end;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS:
      return Code::already_exists;
    case ERROR_DIRECTORY:
    case error_directory_not_supported:
      return Code::not_a_file;
    case ERROR_INVALID_FUNCTION:
    case ERROR_NOT_SUPPORTED:
    case ERROR_CALL_NOT_IMPLEMENTED:
      return Code::unsupported;
    default:
      return Code::io_error;
  }
}

void raise_error(std::string_view action, const std::string& path, std::uint32_t error,
                 std::optional<std::uint64_t> offset) {
  const Code code = code_of(error);
  raise(Error({.code = code,
               .reason = "cannot " + std::string(action),
               .advice = std::string(advice_of(code)),
               .path = path,
               .offset = offset,
               .os_error = static_cast<int>(error)}));
}

bool is_transient(std::uint32_t error) noexcept {
  return error == ERROR_ACCESS_DENIED || error == ERROR_SHARING_VIOLATION ||
         error == ERROR_LOCK_VIOLATION || error == error_user_mapped_file;
}

bool is_missing_call(std::uint32_t error) noexcept {
  return error == ERROR_INVALID_FUNCTION || error == ERROR_NOT_SUPPORTED ||
         error == ERROR_INVALID_PARAMETER || error == ERROR_CALL_NOT_IMPLEMENTED;
}

bool Retry::wait() noexcept {
  // 5 + 10 + 20 + ... + 640 + 700 ms.
  static constexpr std::array<DWORD, 9> milliseconds{5, 10, 20, 40, 80, 160, 320, 640, 700};
  if (attempt_ == milliseconds.size()) return false;
  Sleep(milliseconds[attempt_++]);
  return true;
}

}  // namespace os::windows
}  // namespace tensorhold
