// What killed saves leave behind, and its end.
#pragma once

#include <cstddef>
#include <string>

#include "os/write.hpp"

namespace tensorhold::io {

/// Removes the temporaries that killed saves to this place left, and returns how many. Those that
/// are still being written, by whatever process, are left alone. Never raises: what fails stays for
/// the next time.
std::size_t remove_stale_temporaries(const os::Place& place) noexcept;

/// The same for the file at `path`, and for the one that a symbolic link there leads to.
std::size_t remove_stale_temporaries(const std::string& path) noexcept;

}  // namespace tensorhold::io
