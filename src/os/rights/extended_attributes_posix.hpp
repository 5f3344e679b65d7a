// Access control lists and extended attributes. extended_attributes_linux.cpp, or
// extended_attributes_posix.cpp for systems without a proven way.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace tensorhold::os {

/// The access control list of a file, as the kernel keeps it; empty: it has none. std::nullopt: the
/// system does not tell.
[[nodiscard]] std::optional<std::vector<std::byte>> read_list(int descriptor);
/// Sets it, or with an empty one removes it; false when the system refuses.
bool write_list(int descriptor, const std::vector<std::byte>& list) noexcept;
/// Copies user.* and the labels of security modules, as far as the system lets it.
void copy_extended(int from, int to);

}  // namespace tensorhold::os
