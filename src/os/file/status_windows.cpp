#include "os/file/status_windows.hpp"

#include <algorithm>
#include <limits>

#include "os/error/error_windows.hpp"

namespace tensorhold::os::windows {
namespace {

// 100 ns since 1601 to ns since 1970, saturating: the system may hold any 64-bit value.
std::int64_t unix_ns(std::int64_t ticks) noexcept {
  constexpr std::int64_t epoch = 116'444'736'000'000'000;
  constexpr std::int64_t limit = std::numeric_limits<std::int64_t>::max() / 100;
  return std::clamp(ticks - std::min(ticks, epoch), std::int64_t{0}, limit) * 100;
}

Identity identity_of(HANDLE handle, const std::string& path) {
  FILE_ID_INFO id{};
  if (GetFileInformationByHandleEx(handle, FileIdInfo, &id, sizeof id) != 0) {
    Identity identity{.device = id.VolumeSerialNumber};
    static_assert(sizeof id.FileId == sizeof identity.file + sizeof identity.file_high);
    const auto* bytes = reinterpret_cast<const unsigned char*>(&id.FileId);
    for (unsigned i = 0; i < 8; ++i) {
      identity.file |= std::uint64_t{bytes[i]} << (8 * i);
      identity.file_high |= std::uint64_t{bytes[8 + i]} << (8 * i);
    }
    return identity;
  }
  // Filesystems without 128-bit ids, such as FAT and older servers.
  BY_HANDLE_FILE_INFORMATION old{};
  if (GetFileInformationByHandle(handle, &old) == 0)
    raise_error("ask which file it is", path, GetLastError());
  return {.device = old.dwVolumeSerialNumber,
          .file = std::uint64_t{old.nFileIndexHigh} << 32 | old.nFileIndexLow};
}

}  // namespace

FileStatus status_of(HANDLE handle, const std::string& path) {
  SetLastError(NO_ERROR);
  const DWORD type = GetFileType(handle);
  if (type == FILE_TYPE_UNKNOWN && GetLastError() != NO_ERROR)
    raise_error("ask for the kind of file", path, GetLastError());
  if (type != FILE_TYPE_DISK) return {};  // pipes and consoles have neither size nor identity
  FILE_BASIC_INFO basic{};
  FILE_STANDARD_INFO standard{};
  if (GetFileInformationByHandleEx(handle, FileBasicInfo, &basic, sizeof basic) == 0 ||
      GetFileInformationByHandleEx(handle, FileStandardInfo, &standard, sizeof standard) == 0)
    raise_error("ask for size and times", path, GetLastError());
  FileStatus status;
  status.identity = identity_of(handle, path);
  status.kind = standard.Directory ? FileKind::directory : FileKind::regular;
  status.size = static_cast<std::uint64_t>(standard.EndOfFile.QuadPart);
  status.modified_ns = unix_ns(basic.LastWriteTime.QuadPart);
  status.changed_ns = unix_ns(basic.ChangeTime.QuadPart);
  // A pending deletion may leave the name for a while; the file is gone for everybody else.
  status.links = standard.DeletePending ? 0 : standard.NumberOfLinks;
  return status;
}

}  // namespace tensorhold::os::windows
