#include <algorithm>

#include "base/checked.hpp"
#include "os/error/api_windows.hpp"
#include "os/error/error_windows.hpp"
#include "os/file/file.hpp"
#include "os/file/mapping.hpp"
#include "os/file/placeholder_windows.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

using windows::Handle;
using windows::handle_of;

[[noreturn]] void raise_map_error(const std::string& path, DWORD error) {
  const Code code = windows::code_of(error);
  if (code == Code::out_of_memory || code == Code::too_many_open || code == Code::file_in_use)
    windows::raise_error("map the file", path, error);
  if (code == Code::unsupported || error == ERROR_INVALID_PARAMETER ||
      error == ERROR_BAD_EXE_FORMAT)
    raise(Error({.code = Code::cannot_map,
                 .reason = "the filesystem does not map this file",
                 .advice = "Open it with access=owned, which reads instead.",
                 .path = path,
                 .os_error = static_cast<int>(error)}));
  windows::raise_error("map the file", path, error);
}

// nullptr when the system does not do it this way; GetLastError() says why.
std::byte* map_row(const windows::PlaceholderCalls& calls, HANDLE section, std::size_t length,
                   std::size_t reserved, bool writable) {
  const std::size_t piece = windows::view_bytes(writable);
  std::byte* const base = windows::reserve_placeholders(calls, reserved, piece);
  if (base == nullptr) return nullptr;
  for (std::size_t offset = 0; offset < length; offset += piece) {
    const std::size_t bytes = std::min(length - offset, piece);
    if (windows::map_into_placeholder(calls, section, base + offset, offset, bytes,
                                      writable ? PAGE_WRITECOPY : PAGE_READONLY))
      continue;
    const DWORD error = GetLastError();
    windows::free_mapping(base, reserved);
    SetLastError(error);
    return nullptr;
  }
  return base;
}

}  // namespace

const bool mapping_blocks_others = true;
const bool mapped_files_shrink = false;

std::size_t page_size() noexcept {
  SYSTEM_INFO info{};
  GetSystemInfo(&info);
  return info.dwPageSize;
}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    unmap();
    base_ = std::exchange(other.base_, nullptr);
    length_ = std::exchange(other.length_, 0);
  }
  return *this;
}

Mapping::~Mapping() { unmap(); }

Mapping Mapping::map(const File& file, std::uint64_t length, Protection protection) {
  const auto size = base::checked_size(length);
  const auto reserved = base::checked_align_up(length, page_size());
  if (!size || !reserved)
    raise(Error({.code = Code::out_of_memory,
                 .reason = "the file is larger than the address space",
                 .advice = "Use a 64-bit program.",
                 .path = file.path()}));
  // The system would answer "access denied", which sends people to the wrong place.
  if (const std::uint64_t present = file.status().size; present < length)
    raise(Error({.code = Code::unexpected_end,
                 .reason = "the file ends before the range to map",
                 .advice = "The file was made shorter by others; fetch it again.",
                 .path = file.path(),
                 .offset = present}));
  const bool writable = protection == Protection::private_writable;
  const DWORD page_protection = writable ? PAGE_WRITECOPY : PAGE_READONLY;
  // Closed at return: the views keep what they need, and an open section would keep the file.
  const Handle section(
      CreateFileMappingW(handle_of(file.native()), nullptr, page_protection, 0, 0, nullptr));
  if (!section) raise_map_error(file.path(), GetLastError());

  Mapping mapping;
  mapping.length_ = *size;
  const auto* const calls = windows::placeholder_calls();
  if (calls != nullptr)
    mapping.base_ =
        map_row(*calls, section.get(), *size, static_cast<std::size_t>(*reserved), writable);
  // Too little memory would refuse the other way too; all else is worth the attempt.
  if (mapping.base_ == nullptr &&
      (calls == nullptr || windows::code_of(GetLastError()) != Code::out_of_memory))
    mapping.base_ = static_cast<std::byte*>(
        MapViewOfFile(section.get(), writable ? FILE_MAP_COPY : FILE_MAP_READ, 0, 0, *size));
  if (mapping.base_ == nullptr) raise_map_error(file.path(), GetLastError());
  return mapping;
}

void Mapping::unmap() noexcept {
  if (base_ == nullptr) return;
  windows::free_mapping(std::exchange(base_, nullptr), std::exchange(length_, 0));
}

}  // namespace tensorhold::os
