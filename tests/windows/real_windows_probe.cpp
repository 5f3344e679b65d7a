// Prints what this Windows does where its versions differ, where reports contradict each other, or
// where Wine is not Windows: the table of docs/guarantees.md. Uses the system alone, not the
// library, so that the answers are the system's. Run it in a folder of the filesystem in question:
//
//   real_windows_probe.exe
//
// Nothing is asserted. Exit status 0: the table is complete; 1: the probe itself could not go on.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "os/error/api_windows.hpp"
#include "os/error/error_windows.hpp"
#include "os/file/placeholder_windows.hpp"
#include "os/replace/names_windows.hpp"

namespace tensorhold::os::windows {
namespace {

constexpr const wchar_t* file_name = L"tensorhold-probe.bin";
constexpr const wchar_t* other_name = L"tensorhold-probe-new.bin";
constexpr std::size_t file_size = 200'777;  // ends inside a page

void row(const char* what, DWORD error) {
  if (error == NO_ERROR)
    std::printf("%-72s allowed\n", what);
  else
    std::printf("%-72s refused, %lu\n", what, error);
}
void row(const char* what, bool yes) { std::printf("%-72s %s\n", what, yes ? "yes" : "no"); }

DWORD answer(BOOL done) { return done != 0 ? NO_ERROR : GetLastError(); }

Handle create(const wchar_t* name, DWORD access = GENERIC_READ | GENERIC_WRITE | DELETE) {
  Handle file(CreateFileW(name, access, share_all, nullptr, CREATE_ALWAYS, 0, nullptr));
  const std::vector<char> bytes(file_size, 'a');
  DWORD done = 0;
  if (!file ||
      WriteFile(file.get(), bytes.data(), static_cast<DWORD>(bytes.size()), &done, nullptr) == 0) {
    std::printf("cannot write %ls: error %lu\n", name, GetLastError());
    std::exit(1);
  }
  return file;
}

// A file that is mapped, with or without a handle beside the view.
class Mapped {
 public:
  explicit Mapped(bool keep_handle, DWORD protection = PAGE_READONLY) {
    Handle file = create(file_name);
    const Handle section(CreateFileMappingW(file.get(), nullptr, protection, 0, 0, nullptr));
    view_ = MapViewOfFile(section.get(),
                          protection == PAGE_READONLY ? FILE_MAP_READ : FILE_MAP_COPY, 0, 0, 0);
    if (view_ == nullptr) {
      std::printf("cannot map: error %lu\n", GetLastError());
      std::exit(1);
    }
    if (keep_handle) file_ = std::move(file);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  ~Mapped() {
    UnmapViewOfFile(view_);
    file_.reset();
    DeleteFileW(file_name);
    DeleteFileW(other_name);
  }
  [[nodiscard]] bool intact() const {
    const auto* const bytes = static_cast<const char*>(view_);
    for (std::size_t i = 0; i < file_size; ++i)
      if (bytes[i] != 'a') return false;
    return true;
  }

 private:
  Handle file_;
  void* view_ = nullptr;
};

DWORD dispose(DWORD flags) {
  const Handle file = open_for_delete(file_name);
  if (!file) return GetLastError();
  return answer(
      SetFileInformationByHandle(file.get(), file_disposition_info_ex, &flags, sizeof flags));
}

void deletions() {
  for (const bool handle : {true, false}) {
    const std::string suffix = handle ? ", handle open" : ", view alone";
    {
      const Mapped mapped(handle);
      row(("DeleteFileW of a mapped file" + suffix).c_str(), answer(DeleteFileW(file_name)));
      row("  the name is free at once", is_free(file_name));
      row("  the view keeps its bytes", mapped.intact());
    }
    for (const DWORD extra : {DWORD{0}, disposition_ignore_readonly, DWORD{4}}) {
      const Mapped mapped(handle);
      const std::string flags = extra == 0   ? "POSIX"
                                : extra == 4 ? "POSIX|FORCE_IMAGE_SECTION_CHECK"
                                             : "POSIX|IGNORE_READONLY";
      row(("FileDispositionInfoEx " + flags + " of a mapped file" + suffix).c_str(),
          dispose(disposition_delete | disposition_posix_semantics | extra));
      row("  the name is free at once", is_free(file_name));
      row("  the view keeps its bytes", mapped.intact());
    }
  }
}

DWORD rename_ex(DWORD flags) {
  const Handle file = create(other_name);
  std::vector<std::byte> buffer(sizeof(FILE_RENAME_INFO) + 1024);
  std::wstring target(1024, L'\0');
  target.resize(GetFullPathNameW(file_name, 1024, target.data(), nullptr));
  FILE_RENAME_INFO info{};
  info.FileNameLength = static_cast<DWORD>(target.size() * sizeof(wchar_t));
  std::memcpy(buffer.data(), &info, sizeof info);
  std::memcpy(buffer.data(), &flags, sizeof flags);
  std::memcpy(buffer.data() + offsetof(FILE_RENAME_INFO, FileName), target.data(),
              info.FileNameLength);
  return answer(SetFileInformationByHandle(file.get(), file_rename_info_ex, buffer.data(),
                                           static_cast<DWORD>(buffer.size())));
}

void replacements() {
  for (const bool handle : {true, false}) {
    const std::string suffix = handle ? ", handle open" : ", view alone";
    {
      const Mapped mapped(handle);
      create(other_name).reset();
      row(("MoveFileExW onto a mapped file" + suffix).c_str(),
          answer(MoveFileExW(other_name, file_name, MOVEFILE_REPLACE_EXISTING)));
      row("  the view keeps its bytes", mapped.intact());
    }
    for (const DWORD extra : {DWORD{0}, rename_ignore_readonly}) {
      const Mapped mapped(handle);
      row(("FileRenameInfoEx REPLACE|POSIX" + std::string(extra == 0 ? "" : "|IGNORE_READONLY") +
           " onto a mapped file" + suffix)
              .c_str(),
          rename_ex(rename_replace_if_exists | rename_posix_semantics | extra));
      row("  the view keeps its bytes", mapped.intact());
    }
    const Mapped mapped(handle);
    row(("rename of a mapped file itself" + suffix).c_str(),
        answer(MoveFileExW(file_name, other_name, 0)));
  }
}

void shrinking() {
  const Mapped mapped(false);
  const Handle file(
      CreateFileW(file_name, GENERIC_WRITE, share_all, nullptr, OPEN_EXISTING, 0, nullptr));
  LARGE_INTEGER size;
  size.QuadPart = 10;
  SetFilePointerEx(file.get(), size, nullptr, FILE_BEGIN);
  row("shrinking a mapped file", answer(SetEndOfFile(file.get())));
  const Handle again(
      CreateFileW(file_name, GENERIC_WRITE, share_all, nullptr, CREATE_ALWAYS, 0, nullptr));
  row("CREATE_ALWAYS of a mapped file", again ? NO_ERROR : GetLastError());
}

void placeholders() {
  const PlaceholderCalls* const calls = placeholder_calls();
  row("placeholders", calls != nullptr);
  if (calls == nullptr) return;
  const Handle file = create(file_name);
  const Handle section(CreateFileMappingW(file.get(), nullptr, PAGE_READONLY, 0, 0, nullptr));
  constexpr std::size_t reserved = (file_size + 4095) / 4096 * 4096;
  constexpr std::size_t replace = 0x4000;
  const HANDLE process = GetCurrentProcess();
  std::byte* const base = reserve_placeholders(*calls, reserved, reserved);
  for (const auto& [what, size] :
       {std::pair{"exact", file_size}, std::pair{"in whole pages", reserved},
        std::pair{"zero", std::size_t{0}}}) {
    const bool done = calls->map(section.get(), process, base, 0, size, replace, PAGE_READONLY,
                                 nullptr, 0) != nullptr;
    row((std::string("MapViewOfFile3 into a placeholder, size ") + what).c_str(),
        done ? NO_ERROR : GetLastError());
    if (done) row("  back to a placeholder", unmap_to_placeholder(*calls, base));
  }
  row("a file view in the placeholder",
      map_into_placeholder(*calls, section.get(), base, 0, file_size, PAGE_READONLY));
  const Handle memory(CreateFileMappingW(
      INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE | SEC_RESERVE, 0, reserved + 4096, nullptr));
  auto* const staging =
      static_cast<char*>(MapViewOfFile(memory.get(), FILE_MAP_WRITE, 0, 0, reserved + 4096));
  row("committing two of the pages of a reserved section",
      VirtualAlloc(staging + 8192, 8192, MEM_COMMIT, PAGE_READWRITE) != nullptr);
  staging[8192] = 'b';
  row("exchanged",
      unmap_to_placeholder(*calls, base) &&
          map_into_placeholder(*calls, memory.get(), base, 0, reserved, PAGE_READONLY));
  row("  bytes are those of the section", base[8192] == std::byte{'b'});
  MEMORY_BASIC_INFORMATION info{};
  VirtualQuery(base + 8192, &info, sizeof info);
  row("  committed pages are seen as such", info.State == MEM_COMMIT && info.RegionSize == 8192);
  VirtualQuery(base, &info, sizeof info);
  row("  other pages cost nothing", info.State == MEM_RESERVE);
  row("  the file can be shrunk", answer(SetEndOfFile(file.get())));
  free_mapping(base, reserved);
  VirtualQuery(base, &info, sizeof info);
  row("  the addresses are free after unmapping", info.State == MEM_FREE);
  UnmapViewOfFile(staging);
}

std::uint64_t commit_charge() {
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof status;
  GlobalMemoryStatusEx(&status);
  return status.ullTotalPageFile - status.ullAvailPageFile;
}

void commit() {
  constexpr std::uint64_t size = std::uint64_t{1} << 30;
  const Handle file(CreateFileW(file_name, GENERIC_READ | GENERIC_WRITE, share_all, nullptr,
                                CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, nullptr));
  LARGE_INTEGER end;
  end.QuadPart = size;
  SetFilePointerEx(file.get(), end, nullptr, FILE_BEGIN);
  if (SetEndOfFile(file.get()) == 0) return;
  for (const bool writable : {false, true}) {
    const Handle section(CreateFileMappingW(
        file.get(), nullptr, writable ? PAGE_WRITECOPY : PAGE_READONLY, 0, 0, nullptr));
    const std::uint64_t before = commit_charge();
    void* const view =
        MapViewOfFile(section.get(), writable ? FILE_MAP_COPY : FILE_MAP_READ, 0, 0, 0);
    const std::uint64_t after = commit_charge();
    row(writable ? "a copy-on-write view of 1 GiB is charged as commit"
                 : "a read-only view of 1 GiB is charged as commit",
        view != nullptr && after > before + size / 2);
    UnmapViewOfFile(view);
  }
}

int probe() {
  deletions();
  replacements();
  shrinking();
  placeholders();
  DeleteFileW(file_name);
  DeleteFileW(other_name);
  commit();
  return 0;
}

}  // namespace
}  // namespace tensorhold::os::windows

int main() { return tensorhold::os::windows::probe(); }
