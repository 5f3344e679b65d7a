#include "os/output/output.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "os/error/api_windows.hpp"
#include "os/error/error_windows.hpp"
#include "os/error/path_windows.hpp"
#include "os/file/status_windows.hpp"
#include "os/output/write_windows.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {

using windows::handle_of;
using windows::raise_error;

Output Output::open(const std::string& path, Missing missing) {
  Output output(path);
  const HANDLE handle = CreateFileW(
      windows::wide_path(path).c_str(), GENERIC_READ | GENERIC_WRITE, windows::share_all, nullptr,
      missing == Missing::create ? OPEN_ALWAYS : OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (handle == INVALID_HANDLE_VALUE)
    raise_error("open the file for writing", path, GetLastError());
  output.handle_ = reinterpret_cast<std::intptr_t>(handle);
  if (output.status().kind != FileKind::regular)
    raise_error("open the file for writing", path, ERROR_DIRECTORY);
  return output;
}

void Output::close() noexcept {
  if (handle_ == closed_handle) return;
  CloseHandle(handle_of(std::exchange(handle_, closed_handle)));
}

FileStatus Output::status() const { return windows::status_of(handle_of(handle_), path_); }

void Output::preallocate(std::uint64_t bytes) {
  FILE_ALLOCATION_INFO info{};
  if (bytes > static_cast<std::uint64_t>(std::numeric_limits<LONGLONG>::max()))
    raise_error("reserve room for the file", path_, ERROR_DISK_FULL);
  info.AllocationSize.QuadPart = static_cast<LONGLONG>(bytes);
  if (SetFileInformationByHandle(handle_of(handle_), FileAllocationInfo, &info, sizeof info) != 0)
    return;
  const DWORD error = GetLastError();
  if (windows::code_of(error) == Code::no_space)
    raise_error("reserve room for the file", path_, error);
}

void Output::write_at(std::uint64_t offset,
                      std::span<const std::span<const std::byte>> parts) const {
  for (const std::span<const std::byte> part : parts) {
    windows::write_all(handle_of(handle_), path_, offset, part);
    offset += part.size();
  }
}

void Output::refuse_limit(std::uint64_t /*end*/) const {}

// The system's own cache is written behind at the speed of the disk there.
bool Output::open_direct() { return false; }

bool Output::write_direct(std::uint64_t /*offset*/, std::span<const std::byte> /*bytes*/) const {
  return false;
}

void Output::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    constexpr std::size_t largest_read = std::size_t{64} << 20;
    OVERLAPPED where{};
    where.Offset = static_cast<DWORD>(offset);
    where.OffsetHigh = static_cast<DWORD>(offset >> 32);
    DWORD got = 0;
    const auto want = static_cast<DWORD>(std::min(out.size(), largest_read));
    if (ReadFile(handle_of(handle_), out.data(), want, &got, &where) == 0 || got == 0)
      raise_error("read the file", path_, got == 0 ? ERROR_HANDLE_EOF : GetLastError(), offset);
    offset += got;
    out = out.subspan(got);
  }
}

bool Output::resize(std::uint64_t bytes) {
  FILE_END_OF_FILE_INFO info{};
  if (bytes > static_cast<std::uint64_t>(std::numeric_limits<LONGLONG>::max()))
    raise_error("set the size of the file", path_, ERROR_DISK_FULL);
  info.EndOfFile.QuadPart = static_cast<LONGLONG>(bytes);
  if (SetFileInformationByHandle(handle_of(handle_), FileEndOfFileInfo, &info, sizeof info) != 0)
    return true;
  const DWORD error = GetLastError();
  if (windows::is_missing_call(error)) return false;
  raise_error("set the size of the file", path_, error);
}

void Output::ask_to_flush() {
  // A local filesystem reserved the room when the bytes were written; a server is asked.
  FILE_REMOTE_PROTOCOL_INFO remote{};
  if (GetFileInformationByHandleEx(handle_of(handle_), FileRemoteProtocolInfo, &remote,
                                   sizeof remote) != 0)
    (void)ask_to_sync();
}

bool Output::ask_to_sync_bytes() { return ask_to_sync(); }

bool Output::ask_to_sync() {
  if (FlushFileBuffers(handle_of(handle_)) != 0) return true;
  const DWORD error = GetLastError();
  if (windows::is_missing_call(error)) return false;
  raise_error("flush the file to the disk", path_, error);
}

}  // namespace tensorhold::os
