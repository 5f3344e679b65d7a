#include "os/error/error_windows.hpp"
#include "os/error/path_windows.hpp"
#include "os/file/status_windows.hpp"
#include "os/leftovers/aside_windows.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "os/replace/names_windows.hpp"
#include "os/replace/replace.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using windows::Handle;

// Where the system refuses to replace a mapped file: the old one gets another name, under which the
// next save finds it.
DWORD by_moving_aside(HANDLE source, const Place& place, const std::wstring& target) {
  std::string aside = make_temporary_name(place.name(), GetCurrentProcessId());
  aside.replace(aside.size() - windows::aside_ending.size(), std::string::npos,
                windows::aside_ending);
  const std::wstring wide = windows::wide_path(windows::split_path(place.path()).folder + aside);
  const Handle old = windows::open_for_delete(target);
  if (!old) return GetLastError();
  // A folder refuses as a mapped file does, and must stay where it is.
  if (windows::status_of(old.get(), place.path()).kind == FileKind::directory)
    return ERROR_DIRECTORY;
  DWORD error = windows::rename_by_handle(old.get(), wide, false);
  if (error != NO_ERROR) return error;
  error = windows::rename_by_handle(source, target, false);
  if (error != NO_ERROR)
    (void)windows::rename_by_handle(old.get(), target, false);
  else if (windows::delete_at_once(old.get()) != NO_ERROR)
    look_again(place.folder());  // the next save into that folder removes it
  return error;
}

}  // namespace

bool replace_file(const std::string& from, const Place& place) {
  const std::wstring target = windows::wide_path(place.path());
  windows::Retry retry;
  constexpr unsigned attempts_in_one_step = 4;
  for (unsigned attempt = 0;; ++attempt) {
    const Handle source = windows::open_for_delete(windows::wide_path(from));
    if (!source) windows::raise_error("open the new file", from, GetLastError());
    if (windows::status_of(source.get(), from).kind == FileKind::directory)
      windows::raise_error("move a folder", from, ERROR_DIRECTORY);
    DWORD error = windows::rename_by_handle(source.get(), target, true);
    if (error == ERROR_NOT_SAME_DEVICE) return false;
    if (windows::is_transient(error) && attempt >= attempts_in_one_step) {
      const DWORD aside = by_moving_aside(source.get(), place, target);
      if (aside == NO_ERROR || aside == ERROR_DIRECTORY) error = aside;
    }
    if (error == NO_ERROR) return true;
    if (!windows::is_transient(error) || !retry.wait())
      windows::raise_error("put the new file in place", place.path(), error);
  }
}

bool sync_file(const std::string& path) {
  const std::wstring wide = windows::wide_path(path);
  const Handle file(CreateFileW(wide.c_str(), GENERIC_WRITE, windows::share_all, nullptr,
                                OPEN_EXISTING, 0, nullptr));
  if (!file) {
    const DWORD error = GetLastError();
    // A folder is refused as if it were a matter of permissions.
    const DWORD attributes = GetFileAttributesW(wide.c_str());
    const bool folder =
        attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    windows::raise_error("open the new file", path, folder ? ERROR_DIRECTORY : error);
  }
  if (FlushFileBuffers(file.get()) == 0)
    windows::raise_error("sync the new file", path, GetLastError());
  return true;
}

}  // namespace tensorhold::os
