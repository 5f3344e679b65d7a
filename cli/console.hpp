// The only system code of the command line.
#pragma once

#include <string>
#include <vector>

namespace tensorhold::cli {

/// The arguments without the program's name, UTF-8 on every system; and a console that takes UTF-8.
[[nodiscard]] std::vector<std::string> start_console(int count, char** arguments);

/// True when standard output is a terminal that a person looks at.
[[nodiscard]] bool output_is_terminal() noexcept;

/// True when this errno of a write to standard output says that its reader had enough (head). POSIX
/// systems end the program before it sees one.
[[nodiscard]] bool is_closed_pipe(int error) noexcept;

}  // namespace tensorhold::cli
