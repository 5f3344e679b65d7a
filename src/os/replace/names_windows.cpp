#include "os/replace/names_windows.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <limits>
#include <vector>

#include "os/error/error_windows.hpp"

namespace tensorhold::os::windows {
namespace {

// FILE_RENAME_INFO as newer headers have it: the first field is flags for the Ex class, a boolean
// for the old one.
struct RenameHead {
  DWORD flags;
  HANDLE root;
  DWORD name_bytes;
};
constexpr std::size_t name_offset = offsetof(RenameHead, name_bytes) + sizeof(DWORD);
static_assert(name_offset == offsetof(FILE_RENAME_INFO, FileName));

DWORD answer(BOOL done) noexcept { return done != 0 ? NO_ERROR : GetLastError(); }

}  // namespace

SplitPath split_path(const std::string& path) {
  std::size_t at = path.find_last_of("\\/");
  if (at == std::string::npos && path.size() >= 2 && path[1] == ':') at = 1;
  if (at == std::string::npos) return {"", path};
  return {path.substr(0, at + 1), path.substr(at + 1)};
}

Handle open_for_delete(const std::wstring& path) noexcept {
  return Handle(CreateFileW(path.c_str(), DELETE | FILE_READ_ATTRIBUTES, share_all, nullptr,
                            OPEN_EXISTING,
                            FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS, nullptr));
}

DWORD rename_by_handle(HANDLE handle, const std::wstring& target, bool replace) {
  const std::size_t bytes = target.size() * sizeof(wchar_t);
  if (bytes > std::numeric_limits<USHORT>::max()) return ERROR_FILENAME_EXCED_RANGE;
  // One character more than is counted: some versions of the call want the terminator there.
  std::vector<std::byte> buffer(name_offset + bytes + sizeof(wchar_t));
  RenameHead head{0, nullptr, static_cast<DWORD>(bytes)};
  std::memcpy(buffer.data() + name_offset, target.data(), bytes);
  const auto attempt = [&](FILE_INFO_BY_HANDLE_CLASS how, DWORD flags) {
    head.flags = flags;
    std::memcpy(buffer.data(), &head, name_offset);
    return answer(
        SetFileInformationByHandle(handle, how, buffer.data(), static_cast<DWORD>(buffer.size())));
  };
  DWORD error = ERROR_NOT_SUPPORTED;
  if (replace) {
    // Without POSIX semantics a target that is open anywhere is refused. 1809, then 1607.
    for (const DWORD flags :
         {rename_replace_if_exists | rename_posix_semantics | rename_ignore_readonly,
          rename_replace_if_exists | rename_posix_semantics}) {
      error = attempt(file_rename_info_ex, flags);
      if (!is_missing_call(error)) return error;
    }
  }
  return attempt(FileRenameInfo, replace ? 1 : 0);
}

DWORD delete_at_once(HANDLE handle) noexcept {
  // Without asking for the check of image sections, so that mapped data files may go. 1809, then
  // 1709.
  DWORD error = ERROR_NOT_SUPPORTED;
  for (const DWORD flags :
       {disposition_delete | disposition_posix_semantics | disposition_ignore_readonly,
        disposition_delete | disposition_posix_semantics}) {
    DWORD information = flags;
    error = answer(SetFileInformationByHandle(handle, file_disposition_info_ex, &information,
                                              sizeof information));
    if (!is_missing_call(error)) break;
  }
  return error;
}

DWORD delete_at_close(HANDLE handle) noexcept {
  FILE_DISPOSITION_INFO information{};
  information.DeleteFile = TRUE;
  return answer(
      SetFileInformationByHandle(handle, FileDispositionInfo, &information, sizeof information));
}

bool is_free(const std::wstring& path) noexcept {
  const Handle handle(
      CreateFileW(path.c_str(), FILE_READ_ATTRIBUTES, share_all, nullptr, OPEN_EXISTING,
                  FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS, nullptr));
  if (handle) return false;
  const DWORD error = GetLastError();
  return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
}

}  // namespace tensorhold::os::windows
