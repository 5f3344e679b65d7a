// Which errors docs/guarantees.md allows an operation, on which files, and at which moments.
#pragma once

#include <cstdint>
#include <string>

#include "board.hpp"

namespace tensorhold::soak {

/// The moment of an operation: what else was going on between its beginning and its end.
struct Moment {
  Op op = Op::count;
  Kind kind = Kind::own;
  std::uint32_t faults = 0;  ///< a bit for each Fault
};

[[nodiscard]] constexpr std::uint32_t bit(Fault fault) {
  return 1U << static_cast<unsigned>(fault);
}

[[nodiscard]] bool allowed(const Moment& moment, Code code);

}  // namespace tensorhold::soak
