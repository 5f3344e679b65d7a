// Writing through handles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "os/error/api_windows.hpp"

namespace tensorhold::os::windows {

/// Writes all of `bytes` at `offset`. Memory that the system cannot read at the moment, because a
/// release is exchanging it, is tried again; truncated (with the offset in the file being written)
/// when it stays unreadable. `path` is for errors.
void write_all(HANDLE handle, const std::string& path, std::uint64_t offset,
               std::span<const std::byte> bytes);

}  // namespace tensorhold::os::windows
