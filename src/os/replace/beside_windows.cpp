#include "os/error/api_windows.hpp"
#include "os/error/error_windows.hpp"
#include "os/error/path_windows.hpp"
#include "os/file/file_info.hpp"
#include "os/file/status_windows.hpp"
#include "os/replace/beside.hpp"
#include "os/replace/names_windows.hpp"

namespace tensorhold::os {
namespace {

using windows::Handle;

Handle open_in(const Place& place, const std::string& name, DWORD access) {
  return Handle(CreateFileW(windows::wide_path(path_beside(place.path(), name)).c_str(), access,
                            windows::share_all, nullptr, OPEN_EXISTING,
                            FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS, nullptr));
}

}  // namespace

std::string path_beside(const std::string& path, std::string_view name) {
  return windows::split_path(path).folder.append(name);
}

std::string_view name_in(std::string_view path) noexcept {
  std::size_t at = path.find_last_of("\\/");
  if (at == std::string_view::npos && path.size() >= 2 && path[1] == ':') at = 1;
  return at == std::string_view::npos ? path : path.substr(at + 1);
}

File open_and_tell(const std::string& path, bool& is_link) {
  is_link = os::is_link(path);
  return File::open_read(path);
}

std::optional<FileStatus> status_beside(const Place& place, const std::string& name) {
  const Handle handle = open_in(place, name, FILE_READ_ATTRIBUTES);
  if (!handle) {
    const DWORD error = GetLastError();
    if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) return std::nullopt;
    windows::raise_error("look beside the file", place.path(), error);
  }
  FileStatus status = windows::status_of(handle.get(), place.path());
  FILE_ATTRIBUTE_TAG_INFO tag{};
  if (GetFileInformationByHandleEx(handle.get(), FileAttributeTagInfo, &tag, sizeof tag) != 0 &&
      (tag.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0)
    status.kind = FileKind::other;
  return status;
}

// Folders there give rights to what is made in them; a file has no one simple owner to ask for.
std::optional<Beside> open_beside(const Place& place, const std::string& name,
                                  std::intptr_t /*target*/) {
  const std::optional<FileStatus> status = status_beside(place, name);
  if (!status || status->kind != FileKind::regular) return std::nullopt;
  Handle handle = open_in(place, name, GENERIC_READ);
  if (!handle) return std::nullopt;
  return Beside{.file = File::adopt(reinterpret_cast<std::intptr_t>(handle.take()),
                                    path_beside(place.path(), name)),
                .trust = Trust::whole};
}

void sync_beside(const Place& place, const std::string& name) {
  const Handle handle = open_in(place, name, GENERIC_WRITE);
  if (handle && FlushFileBuffers(handle.get()) != 0) return;
  const DWORD error = GetLastError();
  if (handle && windows::is_missing_call(error)) return;
  windows::raise_error("sync the journal beside the file", place.path(), error);
}

bool remove_beside(const Place& place, const std::string& name) noexcept try {
  const std::optional<FileStatus> status = status_beside(place, name);
  if (!status || status->kind != FileKind::regular) return false;
  windows::Retry retry;
  for (;;) {
    const Handle handle =
        windows::open_for_delete(windows::wide_path(path_beside(place.path(), name)));
    DWORD error = handle ? windows::delete_at_once(handle.get()) : GetLastError();
    if (handle && windows::is_missing_call(error)) error = windows::delete_at_close(handle.get());
    if (error == NO_ERROR) return true;
    if (!windows::is_transient(error) || !retry.wait()) return false;
  }
} catch (...) {
  return false;
}

}  // namespace tensorhold::os
