// Places on Windows are paths: a folder that is open keeps its parents from being renamed, which
// people would take for a hold.
#include <exception>

#include "os/error/api_windows.hpp"
#include "os/error/error_windows.hpp"
#include "os/error/path_windows.hpp"
#include "os/file/status_windows.hpp"
#include "os/leftovers/aside_windows.hpp"
#include "os/leftovers/temporary_name.hpp"
#include "os/replace/beside.hpp"
#include "os/replace/names_windows.hpp"
#include "os/replace/place.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using windows::Handle;
using windows::raise_error;

constexpr DWORD attributes_only = FILE_READ_ATTRIBUTES;
constexpr DWORD link_itself = FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS;

// True for symbolic links and junctions, not for files that a cloud or a deduplicating store keeps.
bool is_link(HANDLE handle) noexcept {
  FILE_ATTRIBUTE_TAG_INFO info{};
  return GetFileInformationByHandleEx(handle, FileAttributeTagInfo, &info, sizeof info) != 0 &&
         (info.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 &&
         IsReparseTagNameSurrogate(info.ReparseTag);
}

Handle open_attributes(const std::string& path, DWORD flags) {
  return Handle(CreateFileW(windows::wide_path(path).c_str(), attributes_only, windows::share_all,
                            nullptr, OPEN_EXISTING, flags, nullptr));
}

// Where the links at `path` lead; `path` itself when there are none.
std::string resolved(const std::string& path) {
  const Handle itself = open_attributes(path, link_itself);
  if (!itself || !is_link(itself.get())) return path;
  const Handle target = open_attributes(path, FILE_FLAG_BACKUP_SEMANTICS);
  if (!target) raise_error("follow the symbolic link", path, GetLastError());
  std::wstring text(MAX_PATH, L'\0');
  for (;;) {
    const DWORD size = GetFinalPathNameByHandleW(target.get(), text.data(),
                                                 static_cast<DWORD>(text.size()), VOLUME_NAME_DOS);
    if (size == 0) raise_error("follow the symbolic link", path, GetLastError());
    const bool fits = size < text.size();
    text.resize(size);
    if (fits) break;
  }
  std::string plain = windows::utf8(text);
  if (plain.starts_with("\\\\?\\UNC\\")) return "\\\\" + plain.substr(8);
  if (plain.starts_with("\\\\?\\")) return plain.substr(4);
  return plain;
}

// Names in a folder, one after the other; an empty one ends them.
class Search {
 public:
  explicit Search(const std::wstring& pattern)
      : handle_(FindFirstFileExW(pattern.c_str(), FindExInfoBasic, &found_, FindExSearchNameMatch,
                                 nullptr, 0)) {}
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;
  ~Search() {
    if (handle_ != INVALID_HANDLE_VALUE) FindClose(handle_);
  }
  [[nodiscard]] std::string first() const {
    return handle_ == INVALID_HANDLE_VALUE ? "" : windows::utf8(found_.cFileName);
  }
  [[nodiscard]] std::string next() {
    return FindNextFileW(handle_, &found_) == 0 ? "" : windows::utf8(found_.cFileName);
  }

 private:
  WIN32_FIND_DATAW found_{};
  HANDLE handle_;
};

std::string folder_of(const std::string& path, const std::string& name) {
  return path.substr(0, path.size() - name.size());
}

}  // namespace

Place& Place::operator=(Place&& other) noexcept {
  path_ = std::move(other.path_);
  name_ = std::move(other.name_);
  return *this;
}

Place::~Place() = default;

Place Place::of(const std::string& path, bool follow_symlink) {
  (void)windows::wide_path(path);  // refuses what cannot be a path
  Place place;
  place.path_ = follow_symlink ? resolved(path) : path;
  const windows::SplitPath split = windows::split_path(place.path_);
  place.name_ = split.name;
  if (place.name_.empty() || place.name_ == "." || place.name_ == "..")
    raise_error("write a file where the path names a folder", path, ERROR_DIRECTORY);
  if (place.name_.find(':') != std::string::npos)
    raise_error("write a file under a name with a colon", path, ERROR_INVALID_NAME);
  // Some systems take longer names than their filesystems keep.
  constexpr std::size_t longest_name = 255;
  if (windows::widened(place.name_).size() > longest_name)
    raise_error("write a file under a name of more than 255 characters", path,
                ERROR_FILENAME_EXCED_RANGE);
  // "C:" alone is that drive's current folder, which the dot names.
  const bool bare = split.folder.empty() || split.folder.back() == ':';
  const auto folder = status_at(bare ? split.folder + "." : split.folder);
  if (!folder)
    raise(Error({.code = Code::not_found,
                 .reason = "the folder of the file does not exist",
                 .advice = "Create the folder, or check the path.",
                 .path = path,
                 .os_error = ERROR_PATH_NOT_FOUND}));
  if (folder->kind != FileKind::directory)
    raise_error("write below something that is no folder", path, ERROR_DIRECTORY);
  return place;
}

std::optional<FileStatus> Place::status() const {
  const Handle handle = open_attributes(path_, link_itself);
  if (!handle) {
    const DWORD error = GetLastError();
    if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) return std::nullopt;
    raise_error("look at the path", path_, error);
  }
  FileStatus status = windows::status_of(handle.get(), path_);
  if (is_link(handle.get())) status.kind = FileKind::other;
  return status;
}

void Place::sync() const {
  // Folders cannot be flushed. Flushing the file makes the filesystem write its log up to the
  // rename; a file that may not be opened for writing leaves that to the system.
  const Handle handle(CreateFileW(windows::wide_path(path_).c_str(), GENERIC_WRITE,
                                  windows::share_all, nullptr, OPEN_EXISTING,
                                  FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
  if (!handle || FlushFileBuffers(handle.get()) != 0) return;
  const DWORD error = GetLastError();
  if (windows::is_missing_call(error)) return;
  raise(Error({.code = Code::not_durable,
               .reason = "the new file is in place, but its name may not survive a power cut",
               .advice = "Check the disk and the connection to it.",
               .path = path_,
               .os_error = static_cast<int>(error)}));
}

// A number that was given again comes with the time of the folder's making.
FolderMark Place::folder() const noexcept try {
  const Handle handle = open_attributes(folder_of(path_, name_) + ".", FILE_FLAG_BACKUP_SEMANTICS);
  if (!handle) return {};
  FILE_BASIC_INFO basic{};
  if (GetFileInformationByHandleEx(handle.get(), FileBasicInfo, &basic, sizeof basic) == 0)
    return {};
  return {.identity = windows::status_of(handle.get(), path_).identity,
          .born = static_cast<std::uint64_t>(basic.CreationTime.QuadPart)};
} catch (const std::exception&) {
  return {};
}

std::size_t Place::remove_stale() const noexcept try {
  const std::string folder = folder_of(path_, name_);
  Search search(windows::wide_path(folder + "*"));
  std::size_t removed = 0;
  for (std::string name = search.first(); !name.empty(); name = search.next()) {
    if (remove_stale_journal(*this, name)) ++removed;
    const bool aside = name.ends_with(windows::aside_ending);
    std::string as_temporary = name;
    if (aside)
      as_temporary.replace(name.size() - windows::aside_ending.size(), std::string::npos, ".tmp");
    if (!is_leftover_name(as_temporary)) continue;
    const std::string_view stem = parse_temporary_name(as_temporary)->stem;
    // Of a name that was cut, only who asks for it knows the whole.
    const bool own = stem == temporary_stem(name_, usual_name_limit);
    if (aside && !own && stem != temporary_stem(stem, usual_name_limit)) continue;
    // A living writer's handle writes, and this one does not share that: it is refused.
    const Handle handle(CreateFileW(windows::wide_path(folder + name).c_str(),
                                    DELETE | FILE_READ_ATTRIBUTES,
                                    FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                                    FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
    if (!handle) continue;
    // The old file, from a writer that was killed before the new one was in place. Refused when
    // something stands at the name: then it is not needed any more.
    const std::wstring target = windows::wide_path(own ? path_ : folder + std::string(stem));
    if (aside && windows::is_free(target) &&
        windows::rename_by_handle(handle.get(), target, false) == NO_ERROR)
      continue;
    if (aside && windows::is_free(target)) continue;
    DWORD error = windows::delete_at_once(handle.get());
    if (windows::is_missing_call(error)) error = windows::delete_at_close(handle.get());
    removed += error == NO_ERROR ? 1 : 0;
  }
  return removed;
} catch (...) {
  return 0;
}

}  // namespace tensorhold::os
