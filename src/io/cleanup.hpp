// What killed saves leave behind, and its end.
#pragma once

#include <cstddef>
#include <string>

#include "hold/source.hpp"
#include "os/write.hpp"

namespace tensorhold::io {

/// Removes the temporaries that killed saves to this place left, and returns how many. Those that
/// are still being written, by whatever process, are left alone. Never raises: what fails stays for
/// the next time.
std::size_t remove_stale_temporaries(const os::Place& place) noexcept;

/// After an open: looks only when something was put into
/// its folder since the file was last changed, and then once a process, so that opening stays as
/// fast as ever. What it misses the next save of the file removes.
void remove_stale_at_open(const hold::Source& opened) noexcept;

/// As the first, for the file at `path`, and for the one that a symbolic link there leads to.
std::size_t remove_stale_temporaries(const std::string& path) noexcept;

}  // namespace tensorhold::io
