#include <io.h>

#include <algorithm>
#include <memory>

#include "os/error/api_windows.hpp"
#include "os/error/error_windows.hpp"
#include "os/error/path_windows.hpp"
#include "os/file/file.hpp"
#include "os/file/status_windows.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using windows::Handle;
using windows::handle_of;
using windows::raise_error;
using windows::status_of;

// Above this some drivers and redirectors refuse; below the smallest, giving up is right.
constexpr std::uint64_t largest_read = 1ULL << 30;
constexpr DWORD smallest_read = 64U << 10;
// Smaller pieces of memory are read together and copied: a call costs more than that.
constexpr std::size_t bounce_bytes = std::size_t{1} << 20;

}  // namespace

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    close();
    handle_ = std::exchange(other.handle_, closed_handle);
    path_ = std::move(other.path_);
  }
  return *this;
}

File::~File() { close(); }

void File::close() noexcept {
  if (is_open()) CloseHandle(handle_of(std::exchange(handle_, closed_handle)));
}

File File::open_read(const std::string& path) {
  const std::wstring wide = windows::wide_path(path);
  windows::Retry retry;
  for (;;) {
    // Overlapped, because reads of several threads through one handle would else wait for each
    // other. Backup semantics let folders open, as on POSIX.
    const HANDLE handle =
        CreateFileW(wide.c_str(), GENERIC_READ, windows::share_all, nullptr, OPEN_EXISTING,
                    FILE_FLAG_OVERLAPPED | FILE_FLAG_BACKUP_SEMANTICS, nullptr);
    if (handle != INVALID_HANDLE_VALUE) {
      File file;
      file.handle_ = reinterpret_cast<std::intptr_t>(handle);
      file.path_ = path;
      return file;
    }
    const DWORD error = GetLastError();
    // A scanner that shares nothing is gone in a moment; missing permission stays.
    const bool worth_waiting = error == ERROR_SHARING_VIOLATION || error == ERROR_LOCK_VIOLATION;
    if (!worth_waiting || !retry.wait()) raise_error("open the file", path, error);
  }
}

File File::duplicate(int descriptor, const std::string& name) {
  const intptr_t original = _get_osfhandle(descriptor);
  // -2: a standard stream that is attached to nothing.
  if (original == -1 || original == -2)
    raise(Error({.code = Code::invalid_argument,
                 .reason = "the descriptor is not open",
                 .advice = "Pass the descriptor of a file that is open for reading.",
                 .path = name,
                 .os_error = ERROR_INVALID_HANDLE}));
  HANDLE copy = nullptr;
  const HANDLE process = GetCurrentProcess();
  if (DuplicateHandle(process, handle_of(original), process, &copy, 0, FALSE,
                      DUPLICATE_SAME_ACCESS) == 0)
    raise_error("duplicate the descriptor", name, GetLastError());
  File file;
  file.handle_ = reinterpret_cast<std::intptr_t>(copy);
  file.path_ = name;
  // Asked of the copy, which closes itself. A read of no bytes is refused without the right to
  // read.
  DWORD got = 0;
  OVERLAPPED where{};
  if (file.status().kind != FileKind::regular ||
      (ReadFile(handle_of(file.handle_), nullptr, 0, &got, &where) == 0 &&
       GetLastError() == ERROR_ACCESS_DENIED))
    raise(Error({.code = Code::invalid_argument,
                 .reason = "the descriptor is not that of a regular file that is open for reading",
                 .advice = "Pass the descriptor of a file that is open for reading.",
                 .path = name}));
  return file;
}

FileStatus File::status() const { return status_of(handle_of(handle_), path_); }

std::optional<std::uint64_t> File::size() const noexcept {
  FILE_STANDARD_INFO standard{};
  if (GetFileInformationByHandleEx(handle_of(handle_), FileStandardInfo, &standard,
                                   sizeof standard) == 0)
    return std::nullopt;
  return static_cast<std::uint64_t>(standard.EndOfFile.QuadPart);
}

void File::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (out.empty()) return;
  // Waiting on the handle itself would mix up threads.
  const Handle event(CreateEventW(nullptr, TRUE, FALSE, nullptr));
  if (!event) raise_error("make an event for reading", path_, GetLastError());
  std::uint64_t chunk = largest_read;
  while (!out.empty()) {
    OVERLAPPED where{};
    where.Offset = static_cast<DWORD>(offset);
    where.OffsetHigh = static_cast<DWORD>(offset >> 32);
    where.hEvent = event.get();
    const auto wanted = static_cast<DWORD>(std::min<std::uint64_t>(out.size(), chunk));
    DWORD got = 0;
    DWORD error = NO_ERROR;
    if (ReadFile(handle_of(handle_), out.data(), wanted, nullptr, &where) == 0)
      error = GetLastError();
    if ((error == NO_ERROR || error == ERROR_IO_PENDING) &&
        GetOverlappedResult(handle_of(handle_), &where, &got, TRUE) == 0)
      error = GetLastError();
    else if (error == ERROR_IO_PENDING)
      error = NO_ERROR;
    // Servers and drivers with small pools refuse large reads that they would do in parts.
    const bool too_large = error == ERROR_NO_SYSTEM_RESOURCES || error == ERROR_WORKING_SET_QUOTA ||
                           error == ERROR_INVALID_USER_BUFFER;
    if (too_large && wanted > smallest_read) {
      chunk = std::max<std::uint64_t>(wanted / 2, smallest_read);
      continue;
    }
    if (error == NO_ERROR && got == 0) error = ERROR_HANDLE_EOF;
    if (error != NO_ERROR) raise_error("read the file", path_, error, offset);
    offset += got;
    out = out.subspan(got);
  }
}

void File::read_at(std::uint64_t offset, std::span<const std::span<std::byte>> pieces) const {
  std::unique_ptr<std::byte[]> bounce;
  while (!pieces.empty()) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    while (count < pieces.size() && pieces[count].size() <= bounce_bytes - bytes)
      bytes += pieces[count++].size();
    if (count <= 1) {
      read_at(offset, pieces[0]);
      offset += pieces[0].size();
      pieces = pieces.subspan(1);
      continue;
    }
    if (!bounce) bounce = std::make_unique_for_overwrite<std::byte[]>(bounce_bytes);
    read_at(offset, std::span(bounce.get(), bytes));
    offset += bytes;
    const std::byte* from = bounce.get();
    for (const auto& piece : pieces.first(count)) {
      std::copy_n(from, piece.size(), piece.begin());
      from += piece.size();
    }
    pieces = pieces.subspan(count);
  }
}

void File::expect(Reads) const noexcept {}  // said at open or never

std::optional<FileStatus> status_at(const std::string& path) {
  const Handle handle(CreateFileW(windows::wide_path(path).c_str(), FILE_READ_ATTRIBUTES,
                                  windows::share_all, nullptr, OPEN_EXISTING,
                                  FILE_FLAG_BACKUP_SEMANTICS, nullptr));
  if (handle) return status_of(handle.get(), path);
  const DWORD error = GetLastError();
  if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) return std::nullopt;
  raise_error("look at the path", path, error);
}

}  // namespace tensorhold::os
