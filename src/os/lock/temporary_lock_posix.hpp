// The lock that marks a temporary as being written.
#pragma once

#include <cstdint>

namespace tensorhold::os {

enum class Locking : std::uint8_t { taken, busy, unsupported };

/// Takes the advisory lock that marks a temporary as being written, if nobody has it: exclusive for
/// the writer, shared for who asks whether there is one. It belongs to the open file, so it ends
/// with its last descriptor, however the process ends.
[[nodiscard]] Locking try_lock_temporary(int descriptor, bool exclusive) noexcept;

}  // namespace tensorhold::os
