// Keeps the library in the process.
#pragma once

namespace tensorhold::os {

/// What this library is linked into, if that is not the program itself, is not unloaded any more:
/// signal handlers and fork handlers lead into its code, and threads may stand in it. Does nothing
/// where that cannot be had. stay_loaded_posix.cpp.
void stay_loaded() noexcept;

}  // namespace tensorhold::os
