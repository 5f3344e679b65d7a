#include "os/error/api_windows.hpp"
#include "os/error/error_windows.hpp"
#include "os/error/path_windows.hpp"
#include "os/file/status_windows.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "os/replace/names_windows.hpp"
#include "os/replace/place.hpp"
#include "os/replace/remove.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using windows::Handle;

Handle open_file(const std::string& path, const std::wstring& wide) {
  Handle handle = windows::open_for_delete(wide);
  if (!handle) return handle;
  if (windows::status_of(handle.get(), path).kind == FileKind::directory)
    windows::raise_error("remove a folder", path, ERROR_DIRECTORY);
  return handle;
}

// "Access denied" to someone who may delete the file means that it is mapped.
[[noreturn]] void raise_refused(const std::string& path, DWORD error, bool allowed) {
  if (error == ERROR_ACCESS_DENIED && allowed)
    raise(
        Error({.code = Code::file_in_use,
               .reason = "the file is mapped, which keeps the system from removing it",
               .advice = "Release it in the programs that map it; `tensorhold holders` lists them.",
               .path = path,
               .os_error = static_cast<int>(error)}));
  windows::raise_error("remove the file", path, error);
}

std::string aside_path(const std::string& path) {
  const windows::SplitPath split = windows::split_path(path);
  return split.folder + make_temporary_name(split.name, GetCurrentProcessId());
}

// NO_ERROR, or why not; `allowed` tells whether the permissions are there.
DWORD remove_once(const std::string& path, const std::wstring& wide, bool& allowed) {
  const Handle handle = open_file(path, wide);
  allowed = static_cast<bool>(handle);
  if (!handle) return GetLastError();
  DWORD error = windows::delete_at_once(handle.get());
  if (!windows::is_missing_call(error)) return error;
  // The old way leaves the name taken for as long as anybody has the file open: give it another one
  // first. Where the file cannot be renamed through its handle, that is how it stays.
  const bool renamed = windows::rename_by_handle(handle.get(), windows::wide_path(aside_path(path)),
                                                 false) == NO_ERROR;
  error = windows::delete_at_close(handle.get());
  if (error != NO_ERROR && renamed) {
    const DWORD back = windows::rename_by_handle(handle.get(), wide, false);
    if (back != NO_ERROR) return back;
  }
  return error;
}

}  // namespace

void remove_file(const std::string& path, Patience patience) {
  const std::wstring wide = windows::wide_path(path);
  windows::Retry retry;
  for (;;) {
    bool allowed = false;
    const DWORD error = remove_once(path, wide, allowed);
    if (error == NO_ERROR) break;
    if (!windows::is_transient(error) || patience == Patience::none || !retry.wait())
      raise_refused(path, error, allowed);
  }
  // Seen, not assumed: a filter driver may delay what the filesystem did.
  while (!windows::is_free(wide))
    if (patience == Patience::none || !retry.wait())
      raise(Error({.code = Code::file_in_use,
                   .reason = "the file is removed, but something still stands at its name",
                   .advice =
                       "Wait for the programs that have it open, or look for one that writes it "
                       "anew.",
                   .path = path}));
}

std::string move_aside(const std::string& path) {
  const std::wstring wide = windows::wide_path(path);
  std::string aside = aside_path(path);
  const std::wstring wide_aside = windows::wide_path(aside);
  windows::Retry retry;
  for (;;) {
    const Handle handle = open_file(path, wide);
    DWORD error =
        handle ? windows::rename_by_handle(handle.get(), wide_aside, false) : GetLastError();
    if (handle && windows::is_missing_call(error))
      error = MoveFileExW(wide.c_str(), wide_aside.c_str(), 0) != 0 ? NO_ERROR : GetLastError();
    if (error == NO_ERROR) {
      look_again(Place::of(path, /*follow_symlink=*/false).folder());
      return aside;
    }
    if (!windows::is_transient(error) || !retry.wait())
      windows::raise_error("move the file aside", path, error);
  }
}

}  // namespace tensorhold::os
