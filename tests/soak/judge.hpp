// Looks at whole files when nobody works with them: after a kill, and when all have stopped. Runs
// in a process of its own, which knows nothing of what was open before.
#pragma once

#include <cstddef>

#include "board.hpp"
#include "place.hpp"

namespace tensorhold::soak {

/// Makes the files that the workers begin with, but for those that stand there already.
void prepare(Board& board, const Place& place, const Setup& setup);

/// The files of one desk, whose process was killed: the last state or the one that was on its way;
/// what is left beside them goes with the next save.
void judge_desk(Board& board, const Place& place, std::size_t desk);

/// All files, and all names in the folders. No process works in the place.
void judge_place(Board& board, const Place& place, const Setup& setup);

}  // namespace tensorhold::soak
