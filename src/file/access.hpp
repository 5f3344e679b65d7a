// Map or read: the decision of automatic access, from facts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "os/file/file.hpp"
#include "os/file/filesystem.hpp"
#include "os/memory/memory_room.hpp"
#include "tensorhold/options.hpp"

namespace tensorhold::io {

/// What the decision is made from.
struct AccessFacts {
  Access wanted = Access::automatic;
  bool mapping_holds = false;  ///< a mapping keeps others from deleting the file (Windows)
  os::Filesystem filesystem = {};
  std::uint64_t nbytes = 0;                 ///< of all tensors
  std::optional<os::MemoryRoom> room = {};  ///< where it was asked for, and the system tells
};

struct AccessChoice {
  Access access = Access::mapped;
  std::string why;  ///< one sentence
  /// True: when the system refuses to map this file, owned access is an answer too.
  bool may_fall_back = false;
};

/// True when the decision depends on AccessFacts::room, which takes a while to find out. Pure.
[[nodiscard]] bool needs_room(const AccessFacts& facts);

/// Never chooses automatic. Pure.
[[nodiscard]] AccessChoice choose_access(const AccessFacts& facts);

/// The facts of a file here and now.
[[nodiscard]] AccessFacts access_facts(Access wanted, const os::File& file, std::uint64_t nbytes);

}  // namespace tensorhold::io
