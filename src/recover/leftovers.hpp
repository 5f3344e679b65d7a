// What killed saves leave behind, and its end.
#pragma once

#include <string>

#include "os/replace/place.hpp"

namespace tensorhold::io {

/// The first time that this process writes into the folder of `place`, removes every temporary of
/// ours in it that nobody writes any more, whatever file it was for; later times cost one look at
/// the folder's identity. Opens never do this: they do not depend on what else a folder has. Never
/// raises: what fails stays for the next process.
void remove_stale_temporaries(const os::Place& place) noexcept;

/// The same for the file at `path`, and for the one that a symbolic link there leads to.
void remove_stale_temporaries(const std::string& path) noexcept;

}  // namespace tensorhold::io
