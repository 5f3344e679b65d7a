#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "cli/console.hpp"

namespace tensorhold::cli {

std::vector<std::string> start_console(int count, char** arguments) {
  // A reader that had enough (head) ends the program quietly, as it does other tools.
  (void)std::signal(SIGPIPE, SIG_DFL);
  return {arguments + 1, arguments + count};
}

bool output_is_terminal() noexcept { return ::isatty(STDOUT_FILENO) == 1; }

bool is_closed_pipe(int error) noexcept { return error == EPIPE; }

}  // namespace tensorhold::cli
