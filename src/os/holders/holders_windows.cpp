// clang-format off: the system headers below need this one.
#include "os/error/api_windows.hpp"
// clang-format on

#include <psapi.h>
#include <tlhelp32.h>
#include <winternl.h>

#include <algorithm>
#include <new>
#include <optional>
#include <vector>

#include "os/error/path_windows.hpp"
#include "os/file/status_windows.hpp"
#include "os/holders/holders.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using windows::Handle;
using windows::handle_of;

constexpr std::size_t longest_path = 32'768;  // in UTF-16 units, with the final NUL

std::wstring final_path(HANDLE file, DWORD kind) {
  std::wstring path(longest_path, L'\0');
  const DWORD size =
      GetFinalPathNameByHandleW(file, path.data(), static_cast<DWORD>(path.size()), kind);
  path.resize(size < path.size() ? size : 0);
  return path;
}

bool same_path(std::wstring_view one, std::wstring_view other) noexcept {
  return CompareStringOrdinal(one.data(), static_cast<int>(one.size()), other.data(),
                              static_cast<int>(other.size()), TRUE) == CSTR_EQUAL;
}

/// The file's path as the kernel writes it, which is how views are named; empty: not to be had.
struct ViewNames {
  std::wstring device;  // such as \Device\HarddiskVolume1\model
  std::wstring drive;   // such as \\?\C:\model; Wine 8 names views by it

  [[nodiscard]] bool known() const noexcept { return !device.empty() || !drive.empty(); }
  [[nodiscard]] bool name(std::wstring_view view) const noexcept {
    constexpr std::wstring_view prefix = L"\\??\\";
    if (view.starts_with(prefix) && drive.size() > prefix.size())
      return same_path(view.substr(prefix.size()), std::wstring_view(drive).substr(prefix.size()));
    return same_path(view, device);
  }
};

/// Bytes of views of the file in a process.
std::uint64_t viewed_bytes(HANDLE process, const ViewNames& file) {
  std::uint64_t bytes = 0;
  std::wstring name(longest_path, L'\0');
  MEMORY_BASIC_INFORMATION region{};
  const void* counted = nullptr;  // a view has several regions when its pages differ
  bool shows = false;
  for (std::uintptr_t address = 0; VirtualQueryEx(process, reinterpret_cast<const void*>(address),
                                                  &region, sizeof region) != 0;) {
    if (region.State == MEM_COMMIT && region.Type == MEM_MAPPED) {
      if (region.AllocationBase != counted) {
        counted = region.AllocationBase;
        const DWORD size = K32GetMappedFileNameW(process, region.BaseAddress, name.data(),
                                                 static_cast<DWORD>(name.size()));
        shows = size != 0 && file.name(std::wstring_view(name).substr(0, size));
      }
      if (shows) bytes += region.RegionSize;
    }
    const std::uintptr_t next =
        reinterpret_cast<std::uintptr_t>(region.BaseAddress) + region.RegionSize;
    if (next <= address) break;
    address = next;
  }
  return bytes;
}

/// Processes that the system names as users of the file, by a handle or a view; nullopt: it does
/// not tell.
std::optional<std::vector<ULONG_PTR>> users_of(HANDLE file) {
  constexpr auto process_ids_using_file = static_cast<FILE_INFORMATION_CLASS>(47);
  constexpr NTSTATUS too_short = static_cast<NTSTATUS>(0xC0000004);
  using Query = NTSTATUS(NTAPI*)(HANDLE, PIO_STATUS_BLOCK, PVOID, ULONG, FILE_INFORMATION_CLASS);
  const HMODULE library = GetModuleHandleW(L"ntdll.dll");
  if (library == nullptr) return std::nullopt;
  const auto query = reinterpret_cast<Query>(
      reinterpret_cast<void*>(GetProcAddress(library, "NtQueryInformationFile")));
  if (query == nullptr) return std::nullopt;
  // A count, padded to the size of a pointer, then that many process ids.
  for (std::size_t room = 64; room <= 65'536; room *= 4) {
    std::vector<ULONG_PTR> answer(room);
    IO_STATUS_BLOCK status{};
    const NTSTATUS result =
        query(file, &status, answer.data(), static_cast<ULONG>(room * sizeof(ULONG_PTR)),
              process_ids_using_file);
    if (result == too_short) continue;
    if (result < 0) return std::nullopt;
    const std::size_t count = std::min<std::size_t>(answer[0] & 0xFFFF'FFFFU, room - 1);
    answer.erase(answer.begin());
    answer.resize(count);
    return answer;
  }
  return std::nullopt;
}

}  // namespace

HolderScan scan_holders(const File& file) {
  HolderScan scan;
  const HANDLE handle = handle_of(file.native());
  const ViewNames names{final_path(handle, VOLUME_NAME_NT), final_path(handle, VOLUME_NAME_DOS)};
  const auto users = users_of(handle);
  const Handle processes(CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0));
  if (!processes || (!names.known() && !users)) return scan;
  PROCESSENTRY32W entry{};
  entry.dwSize = sizeof entry;
  for (BOOL more = Process32FirstW(processes.get(), &entry); more != 0;
       more = Process32NextW(processes.get(), &entry)) {
    scan.looked = true;
    const DWORD pid = entry.th32ProcessID;
    if (pid == 0) continue;  // stands for idle time, no process
    ProcessHold hold;
    hold.pid = static_cast<std::int64_t>(pid);
    const Handle process(OpenProcess(PROCESS_QUERY_INFORMATION | PROCESS_VM_READ, FALSE, pid));
    if (process && names.known()) hold.mapped_bytes = viewed_bytes(process.get(), names);
    if (!process && GetLastError() == ERROR_ACCESS_DENIED) ++scan.closed_processes;
    const bool named = users && std::ranges::find(*users, ULONG_PTR{pid}) != users->end();
    hold.hint_only = named && hold.mapped_bytes == 0;
    if (!named && hold.mapped_bytes == 0) continue;
    hold.command = windows::utf8(entry.szExeFile);
    scan.holds.push_back(std::move(hold));
  }
  std::ranges::sort(scan.holds, {}, &ProcessHold::pid);
  // Handles of others show only in the system's hint.
  scan.hidden_processes = !users.has_value();
  return scan;
}

HoldProof prove_held(const std::string& path, const Identity& which) noexcept {
  try {
    const std::wstring wide = windows::wide_path(path);
    // To share with nobody is refused while anybody has a handle. That it is granted proves less:
    // views need no handle.
    const Handle alone(
        CreateFileW(wide.c_str(), GENERIC_READ, 0, nullptr, OPEN_EXISTING, 0, nullptr));
    if (alone || GetLastError() != ERROR_SHARING_VIOLATION) return HoldProof::unknown;
    const auto now = status_at(path);
    return now && now->identity == which ? HoldProof::held : HoldProof::unknown;
  } catch (const Error&) {
    return HoldProof::unknown;
  } catch (const std::bad_alloc&) {
    return HoldProof::unknown;
  }
}

}  // namespace tensorhold::os
