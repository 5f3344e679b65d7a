#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "cli/output/columns.hpp"
#include "cli/output/console.hpp"

namespace tensorhold::cli {
namespace {

constexpr std::array end_signals{SIGHUP, SIGINT, SIGTERM};

volatile std::sig_atomic_t first_signal = 0;
const StopSource* source = nullptr;  // set before the handler is

// Others wait while it runs, and end the program then. The store to a lock-free atomic, and
// signal(), are allowed in a handler.
void ask_to_stop(int signal) {
  first_signal = signal;
  source->request_stop();
  for (const int each : end_signals) (void)std::signal(each, SIG_DFL);
}

}  // namespace

std::vector<std::string> start_console(int count, char** arguments) {
  // A reader that had enough (head) ends the program quietly, as it does other tools.
  (void)std::signal(SIGPIPE, SIG_DFL);
  return {arguments + 1, arguments + count};
}

bool output_is_terminal() noexcept { return ::isatty(STDOUT_FILENO) == 1; }

std::size_t screen_columns() noexcept {
  winsize size{};
  const bool known = output_is_terminal() && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
  return usable_columns(output_is_terminal(), known ? size.ws_col : 0);
}

StopToken stop_on_signals() {
  static const StopSource stop;
  source = &stop;
  struct sigaction action {};
  action.sa_handler = ask_to_stop;
  action.sa_flags = SA_RESTART;
  (void)::sigemptyset(&action.sa_mask);
  for (const int each : end_signals) (void)::sigaddset(&action.sa_mask, each);
  for (const int each : end_signals) {
    struct sigaction before {};
    // nohup, and shells for what runs in the background, have them ignored.
    if (::sigaction(each, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
      (void)::sigaction(each, &action, nullptr);
  }
  return stop.token();
}

int stopped_status() noexcept { return first_signal == 0 ? 0 : 128 + first_signal; }

bool is_closed_pipe(int error) noexcept { return error == EPIPE; }

}  // namespace tensorhold::cli
