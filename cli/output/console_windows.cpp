// A block of its own, before shellapi.h, which needs it.
#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <shellapi.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

#include "cli/output/columns.hpp"
#include "cli/output/console.hpp"

namespace tensorhold::cli {
namespace {

std::string utf8(const wchar_t* text) {
  const int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, nullptr, 0, nullptr, nullptr);
  if (size <= 1) return {};
  std::string result(static_cast<std::size_t>(size), '\0');
  WideCharToMultiByte(CP_UTF8, 0, text, -1, result.data(), size, nullptr, nullptr);
  result.pop_back();  // the terminating zero
  return result;
}

std::atomic<int> stopped_as = 0;

const StopSource& stop_source() {
  static const StopSource source;
  return source;
}

// Runs on a thread of its own.
BOOL WINAPI ask_to_stop(DWORD event) {
  constexpr int as_sigint = 130;
  constexpr int as_sigterm = 143;
  const bool by_key = event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT;
  int none = 0;
  if (!stopped_as.compare_exchange_strong(none, by_key ? as_sigint : as_sigterm)) return FALSE;
  stop_source().request_stop();
  // The window closes: the program ends with this function, or when it is done, whichever is first.
  if (!by_key) Sleep(INFINITE);
  return TRUE;
}

}  // namespace

std::vector<std::string> start_console(int, char**) {
  SetConsoleOutputCP(CP_UTF8);
  _setmode(_fileno(stdout), _O_BINARY);
  std::vector<std::string> arguments;
  int count = 0;
  LPWSTR* const wide = CommandLineToArgvW(GetCommandLineW(), &count);
  for (int i = 1; wide != nullptr && i < count; ++i) arguments.push_back(utf8(wide[i]));
  LocalFree(wide);
  return arguments;
}

bool output_is_terminal() noexcept { return _isatty(_fileno(stdout)) != 0; }

std::size_t screen_columns() noexcept {
  // A console is asked for nowhere else: Wine 8 spoils the handle of a pipe that is asked.
  CONSOLE_SCREEN_BUFFER_INFO info{};
  const bool known = output_is_terminal() &&
                     GetConsoleScreenBufferInfo(GetStdHandle(STD_OUTPUT_HANDLE), &info) != 0;
  const int width = known ? info.srWindow.Right - info.srWindow.Left + 1 : 0;
  return usable_columns(output_is_terminal(), width > 0 ? static_cast<std::size_t>(width) : 0);
}

StopToken stop_on_signals() {
  StopToken token = stop_source().token();
  (void)SetConsoleCtrlHandler(ask_to_stop, TRUE);
  return token;
}

int stopped_status() noexcept { return stopped_as.load(); }

bool is_closed_pipe(int error) noexcept {
  if (error == EPIPE) return true;
  // What C libraries make of ERROR_NO_DATA, "the pipe is being closed".
  const auto handle = reinterpret_cast<HANDLE>(_get_osfhandle(_fileno(stdout)));
  return error == EINVAL && GetFileType(handle) == FILE_TYPE_PIPE;
}

}  // namespace tensorhold::cli
