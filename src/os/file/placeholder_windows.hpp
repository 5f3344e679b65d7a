// Placeholders (Windows 10 1803 and later): reserved address ranges that views are put into and
// taken out of, so that a view can be exchanged at its address.
#pragma once

#include <cstddef>

#include "os/error/api_windows.hpp"

namespace tensorhold::os::windows {

/// The system's functions, looked up at run time because older systems lack them.
struct PlaceholderCalls {
  PVOID(WINAPI* reserve)(HANDLE, PVOID, SIZE_T, ULONG, ULONG, void*, ULONG);  // VirtualAlloc2
  PVOID(WINAPI* map)
  (HANDLE, HANDLE, PVOID, ULONG64, SIZE_T, ULONG, ULONG, void*,  // MapViewOfFile3
   ULONG);
  BOOL(WINAPI* unmap)(HANDLE, PVOID, ULONG);  // UnmapViewOfFile2
};

/// nullptr where the system has no placeholders. Thread-safe.
[[nodiscard]] const PlaceholderCalls* placeholder_calls() noexcept;

/// Mappings are rows of views of this many bytes (the last one shorter), each in a placeholder of
/// its own, so that a release exchanges them one by one: writers wait while theirs is copied,
/// readers only while it is exchanged.
[[nodiscard]] constexpr std::size_t view_bytes(bool writable) noexcept {
  return std::size_t{writable ? 2U : 64U} << 20;
}
inline constexpr std::size_t mapping_alignment = std::size_t{2} << 20;

/// Reserves `bytes` (a multiple of the page size) at a multiple of `mapping_alignment`, split into
/// placeholders of `piece` bytes. nullptr: GetLastError() says why, and nothing stays reserved.
[[nodiscard]] std::byte* reserve_placeholders(const PlaceholderCalls& calls, std::size_t bytes,
                                              std::size_t piece) noexcept;

/// Puts `bytes` of `section` from `offset` into the placeholder at `address`, whose size is `bytes`
/// rounded up to pages. False: GetLastError() says why, and the placeholder stands as before.
[[nodiscard]] bool map_into_placeholder(const PlaceholderCalls& calls, HANDLE section,
                                        std::byte* address, std::uint64_t offset, std::size_t bytes,
                                        DWORD protection) noexcept;

/// Takes the view at `address` away; its placeholder stays.
[[nodiscard]] bool unmap_to_placeholder(const PlaceholderCalls& calls, std::byte* address) noexcept;

/// First byte of the view or placeholder that `address` is in; nullptr: in none.
[[nodiscard]] std::byte* piece_of(std::byte* address) noexcept;

/// Frees a mapping of `bytes` at `base`, whatever it consists of: one view, a row of views, or
/// placeholders without one.
void free_mapping(std::byte* base, std::size_t bytes) noexcept;

}  // namespace tensorhold::os::windows
