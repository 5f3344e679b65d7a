// Changes to files that this process may hold itself.
#pragma once

#include <functional>
#include <string>

namespace tensorhold::io {

/// Runs `change`, which is to change what stands at `path`. When the system refuses because the
/// file is held, and this process holds it, releases that and runs `change` once more. Errors of a
/// file in use leave with its holders. Returns whether anything was released.
bool change_held(const std::string& path, const std::function<void()>& change);

}  // namespace tensorhold::io
