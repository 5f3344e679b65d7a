// Past the page cache: direct_linux.cpp, or direct_posix.cpp for systems without a proven way.
#pragma once

namespace tensorhold::os {

/// A second descriptor of the same file for aligned reads or writes (`mode`: O_RDONLY or O_WRONLY)
/// past the page cache; -1 where the filesystem is not one on which that is known to win, or
/// refuses it.
[[nodiscard]] int open_past_page_cache(int descriptor, int mode) noexcept;

}  // namespace tensorhold::os
