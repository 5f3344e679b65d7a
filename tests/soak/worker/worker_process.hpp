// A process of workers.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>

#include "board.hpp"
#include "place.hpp"

namespace tensorhold::soak {

/// Starts a process with all its threads, in a process group of its own. Its kill comes by itself,
/// some moments after a number of steps; both follow from the seed, the process' number and how
/// often it was killed before.
[[nodiscard]] pid_t start_workers(Board& board, const Place& place, const Setup& setup,
                                  std::size_t process, std::uint64_t life);

/// Runs `work` in a forked process, and returns that.
[[nodiscard]] pid_t start(Board& board, const std::function<void()>& work);

/// The stacks of a process' threads, by gdb or eu-stack; says so where there is neither.
[[nodiscard]] std::string stacks_of(pid_t process);

}  // namespace tensorhold::soak
