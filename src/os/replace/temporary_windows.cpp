// What the steps promise on Windows:
//   The name changes hands by a rename through the temporary's handle: with POSIX semantics (NTFS
//   since 1607) in one step, whoever has the old file open. A target that is mapped may be refused
//   on every filesystem, and without POSIX semantics one that is open: it is then moved aside, so
//   that for a moment nothing stands at the name. A process killed in that moment leaves the old
//   file as `.NAME.tensorhold-PID-RANDOM.old`; Place::remove_stale() gives it its name back.
//   The handle shares no writing: that is the lock by which a living writer is known.
#include <utility>
#include <vector>

#include "os/error/api_windows.hpp"
#include "os/error/error_windows.hpp"
#include "os/error/path_windows.hpp"
#include "os/leftovers/aside_windows.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "os/replace/names_windows.hpp"
#include "os/replace/temporary.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using windows::Handle;
using windows::handle_of;
using windows::raise_error;

std::string beside(const Place& place, const std::string& name) {
  return place.path().substr(0, place.path().size() - place.name().size()) + name;
}

void refuse_folders_and_devices(const Place& place) {
  const Handle handle(CreateFileW(
      windows::wide_path(place.path()).c_str(), FILE_READ_ATTRIBUTES, windows::share_all, nullptr,
      OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS, nullptr));
  if (!handle) return;  // nothing there, or something that the rename will be refused for
  FILE_STANDARD_INFO info{};
  if (GetFileType(handle.get()) != FILE_TYPE_DISK ||
      (GetFileInformationByHandleEx(handle.get(), FileStandardInfo, &info, sizeof info) != 0 &&
       info.Directory != FALSE))
    raise_error("write a file where a folder or a device stands", place.path(), ERROR_DIRECTORY);
}

// The permissions of the file at `path` for `handle`; best effort.
void copy_permissions(const std::wstring& path, HANDLE handle) {
  constexpr SECURITY_INFORMATION what = DACL_SECURITY_INFORMATION;
  DWORD needed = 0;
  GetFileSecurityW(path.c_str(), what, nullptr, 0, &needed);
  std::vector<std::byte> descriptor(needed);
  if (needed == 0 || GetFileSecurityW(path.c_str(), what, descriptor.data(), needed, &needed) == 0)
    return;
  SetKernelObjectSecurity(handle, what, descriptor.data());
}

// "Access denied" to someone who may delete the target means that it is mapped.
[[noreturn]] void raise_refused(const std::string& path, const std::wstring& wide, DWORD error) {
  if (error == ERROR_ACCESS_DENIED && windows::open_for_delete(wide))
    raise(
        Error({.code = Code::file_in_use,
               .reason = "cannot replace the file, because it is mapped",
               .advice = "Release it in the programs that map it; `tensorhold holders` lists them.",
               .path = path,
               .os_error = static_cast<int>(error)}));
  raise_error("replace the file", path, error);
}

// Moves what stands at `target` aside, `handle` in, and the old file out of the way. NO_ERROR, or
// why not; then the old file is back at its name.
DWORD replace_by_moving_aside(HANDLE handle, const std::wstring& target,
                              const std::wstring& aside) {
  const Handle old = windows::open_for_delete(target);
  if (!old) return GetLastError();
  DWORD error = windows::rename_by_handle(old.get(), aside, false);
  if (error != NO_ERROR) return error;
  error = windows::rename_by_handle(handle, target, false);
  if (error != NO_ERROR) {
    const DWORD back = windows::rename_by_handle(old.get(), target, false);
    return back == NO_ERROR ? error : back;
  }
  // What refuses now stays beside the new file until remove_stale() finds it free.
  if (windows::is_missing_call(windows::delete_at_once(old.get())))
    (void)windows::delete_at_close(old.get());
  return NO_ERROR;
}

}  // namespace

// New files have the folder's inherited rights there, also before they take those of another.
Temporary Temporary::create(const Place& place, Rights /*rights*/) {
  refuse_folders_and_devices(place);
  Temporary temporary(place);
  // Permissions can be copied only with WRITE_DAC, which some servers do not give.
  DWORD access = GENERIC_READ | GENERIC_WRITE | DELETE | WRITE_DAC;
  for (;;) {
    std::string name = make_temporary_name(place.name(), GetCurrentProcessId());
    const HANDLE handle = CreateFileW(windows::wide_path(beside(place, name)).c_str(), access,
                                      FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, CREATE_NEW,
                                      FILE_ATTRIBUTE_NORMAL | FILE_FLAG_SEQUENTIAL_SCAN, nullptr);
    if (handle != INVALID_HANDLE_VALUE) {
      temporary.handle_ = reinterpret_cast<std::intptr_t>(handle);
      temporary.name_ = std::move(name);
      return temporary;
    }
    const DWORD error = GetLastError();
    if (error == ERROR_ACCESS_DENIED && (access & WRITE_DAC) != 0)
      access &= ~static_cast<DWORD>(WRITE_DAC);
    else if (error != ERROR_FILE_EXISTS)
      raise_error("create a file in the folder", place.path(), error);
  }
}

Temporary::~Temporary() {
  if (handle_ == closed_handle) return;
  const HANDLE handle = handle_of(handle_);
  if (!name_.empty() && windows::is_missing_call(windows::delete_at_once(handle)))
    (void)windows::delete_at_close(handle);
}

void Temporary::keep_attributes() { keep_attributes(*place_); }

void Temporary::keep_attributes(const Place& other) {
  const std::wstring target = windows::wide_path(other.path());
  const DWORD attributes = GetFileAttributesW(target.c_str());
  if (attributes == INVALID_FILE_ATTRIBUTES || (attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0)
    return;
  copy_permissions(target, handle_of(handle_));
  // Not read-only: whoever replaces a file may write it, and the name could not be taken again.
  constexpr DWORD kept = FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_ARCHIVE |
                         FILE_ATTRIBUTE_NOT_CONTENT_INDEXED;
  FILE_BASIC_INFO info{};  // zero times: unchanged
  info.FileAttributes = (attributes & kept) != 0 ? attributes & kept : FILE_ATTRIBUTE_NORMAL;
  SetFileInformationByHandle(handle_of(handle_), FileBasicInfo, &info, sizeof info);
}

void Temporary::take_attributes(const File& from) {
  (void)carry_rights(from, *this);
  FILE_BASIC_INFO info{};
  if (GetFileInformationByHandleEx(handle_of(from.native()), FileBasicInfo, &info, sizeof info) ==
      0)
    return;
  info.ChangeTime.QuadPart = 0;  // as it is
  info.FileAttributes = 0;
  SetFileInformationByHandle(handle_of(handle_), FileBasicInfo, &info, sizeof info);
}

bool carry_rights(const File& from, const Output& to) {
  constexpr SECURITY_INFORMATION what = DACL_SECURITY_INFORMATION;
  DWORD needed = 0;
  GetKernelObjectSecurity(handle_of(from.native()), what, nullptr, 0, &needed);
  std::vector<std::byte> descriptor(needed);
  if (needed == 0 || GetKernelObjectSecurity(handle_of(from.native()), what, descriptor.data(),
                                             needed, &needed) == 0)
    return false;
  if (SetKernelObjectSecurity(handle_of(to.native()), what, descriptor.data()) != 0) return true;
  const Handle again(ReOpenFile(handle_of(to.native()), WRITE_DAC, windows::share_all, 0));
  return again && SetKernelObjectSecurity(again.get(), what, descriptor.data()) != 0;
}

bool close_to_others(const Output& /*file*/) noexcept { return false; }

void Temporary::put_in_place_as(const std::string& name) {
  refuse_lost();
  const std::string path = beside(*place_, name);
  const std::wstring target = windows::wide_path(path);
  std::string aside = make_temporary_name(name, GetCurrentProcessId());
  aside.replace(aside.size() - windows::aside_ending.size(), std::string::npos,
                windows::aside_ending);
  const std::wstring wide_aside = windows::wide_path(beside(*place_, aside));
  constexpr unsigned attempts_in_one_step = 4;  // 75 ms, enough for most scanners
  windows::Retry retry;
  for (unsigned attempt = 0;; ++attempt) {
    DWORD error = windows::rename_by_handle(handle_of(handle_), target, true);
    if (windows::is_transient(error) && attempt >= attempts_in_one_step)
      if (replace_by_moving_aside(handle_of(handle_), target, wide_aside) == NO_ERROR) {
        look_again(place_->folder());  // the old file may wait there
        error = NO_ERROR;
      }
    if (error == NO_ERROR) break;
    if (!windows::is_transient(error) || !retry.wait()) raise_refused(path, target, error);
  }
  name_.clear();
  close();
}

}  // namespace tensorhold::os
