// The only system code of the command line.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tensorhold/stop.hpp"

namespace tensorhold::cli {

/// The arguments without the program's name, UTF-8 on every system; and a console that takes UTF-8.
[[nodiscard]] std::vector<std::string> start_console(int count, char** arguments);

/// True when standard output is a terminal that a person looks at.
[[nodiscard]] bool output_is_terminal() noexcept;

/// Columns that lines for people may take: those of the terminal that standard output is (COLUMNS,
/// where it is set, says otherwise), at least 60; 80 where it is none.
[[nodiscard]] std::size_t screen_columns() noexcept;

/// For work that must not end in the middle. From now on the first Ctrl-C, or other signal that
/// asks the program to end, sets this token, and a second one ends the program at once. Signals
/// that the caller ignores stay ignored. Without this call the first one ends the program.
[[nodiscard]] StopToken stop_on_signals();

/// The exit status for what set the token of stop_on_signals(): 128 and the signal's number, on
/// Windows as if it were the one of POSIX. 0: nothing did.
[[nodiscard]] int stopped_status() noexcept;

/// True when this errno of a write to standard output says that its reader had enough (head). POSIX
/// systems end the program before it sees one.
[[nodiscard]] bool is_closed_pipe(int error) noexcept;

}  // namespace tensorhold::cli
