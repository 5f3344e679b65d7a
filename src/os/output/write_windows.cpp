#include "os/output/write_windows.hpp"

#include <algorithm>
#include <vector>

#include "os/error/error_windows.hpp"
#include "os/fault/copy.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os::windows {
namespace {

constexpr std::size_t largest_write = std::size_t{64} << 20;
constexpr std::size_t smallest_write = std::size_t{64} << 10;

// What a write answers when the pages behind its buffer are gone, or are being exchanged.
bool is_unreadable_memory(DWORD error) noexcept {
  return error == ERROR_NOACCESS || error == ERROR_SWAPERROR ||
         error == ERROR_INVALID_USER_BUFFER || error == ERROR_PARTIAL_COPY;
}

DWORD write_once(HANDLE handle, std::uint64_t offset, std::span<const std::byte> bytes,
                 std::size_t& written) noexcept {
  OVERLAPPED where{};
  where.Offset = static_cast<DWORD>(offset);
  where.OffsetHigh = static_cast<DWORD>(offset >> 32);
  DWORD done = 0;
  const BOOL wrote =
      WriteFile(handle, bytes.data(), static_cast<DWORD>(bytes.size()), &done, &where);
  written = done;
  if (wrote == 0) return GetLastError();
  return done == 0 ? ERROR_DISK_FULL : NO_ERROR;
}

}  // namespace

void write_all(HANDLE handle, const std::string& path, std::uint64_t offset,
               std::span<const std::byte> bytes) {
  std::size_t limit = largest_write;
  std::vector<std::byte> bounce;
  Retry retry;
  while (!bytes.empty()) {
    const auto chunk = bytes.first(std::min(bytes.size(), limit));
    std::size_t written = 0;
    DWORD error = write_once(handle, offset, chunk, written);
    if (is_unreadable_memory(error)) {
      // The same error is a driver's answer to a large buffer, so go on with a small one of ours.
      limit = std::min(limit, smallest_write);
      bounce.resize(std::min(chunk.size(), limit));
      const std::size_t readable = copy_readable(chunk.data(), bounce);
      if (readable == 0) {
        if (retry.wait()) continue;
        raise(Error({.code = Code::truncated,
                     .reason = "the memory to write cannot be read",
                     .advice = "The file behind it was made shorter by others; load it again.",
                     .path = path,
                     .offset = offset,
                     .os_error = static_cast<int>(error)}));
      }
      error = write_once(handle, offset, std::span(bounce).first(readable), written);
    } else if (error == ERROR_NO_SYSTEM_RESOURCES && chunk.size() > smallest_write) {
      limit = std::max(chunk.size() / 2, smallest_write);
      continue;
    }
    if (error != NO_ERROR) raise_error("write the file", path, error, offset);
    offset += written;
    bytes = bytes.subspan(written);
  }
}

}  // namespace tensorhold::os::windows
