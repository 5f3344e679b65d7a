#include <exception>

#include "os/error/api_windows.hpp"
#include "os/error/error_windows.hpp"
#include "os/error/path_windows.hpp"
#include "os/file/file_info.hpp"

namespace tensorhold::os {
namespace {

DWORD attributes_of(const std::string& path) noexcept {
  try {
    return GetFileAttributesW(windows::wide_path(path).c_str());
  } catch (const std::exception&) {
    return INVALID_FILE_ATTRIBUTES;  // what cannot be a path names nothing
  }
}

}  // namespace

bool stands_at(const std::string& path) noexcept {
  return attributes_of(path) != INVALID_FILE_ATTRIBUTES;
}

bool is_link(const std::string& path) noexcept {
  const DWORD attributes = attributes_of(path);
  return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
}

// A file that takes the name of one just removed gets its time of birth too, for 15 seconds; there
// the file ids tell, which NTFS and ReFS do not give twice.
std::uint64_t birth_mark(std::intptr_t handle) noexcept {
  FILE_BASIC_INFO basic{};
  if (GetFileInformationByHandleEx(windows::handle_of(handle), FileBasicInfo, &basic,
                                   sizeof basic) == 0)
    return 0;
  return static_cast<std::uint64_t>(basic.CreationTime.QuadPart);
}

// The time may be set as late as when the writer's handle is closed.
const bool writes_set_times = false;

bool is_as_written(std::intptr_t /*handle*/, const FileStatus& /*before*/) noexcept {
  return false;
}

bool is_no_failure(int os_error) noexcept {
  return windows::is_missing_call(static_cast<std::uint32_t>(os_error));
}

}  // namespace tensorhold::os
