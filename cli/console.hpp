// The only system code of the command line.
#pragma once

#include <string>
#include <vector>

namespace tensorhold::cli {

/// The arguments without the program's name, UTF-8 on every system; and a console that takes UTF-8.
[[nodiscard]] std::vector<std::string> start_console(int count, char** arguments);

/// True when standard output is a terminal that a person looks at.
[[nodiscard]] bool output_is_terminal() noexcept;

}  // namespace tensorhold::cli
