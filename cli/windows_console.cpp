// A block of its own, before shellapi.h, which needs it.
#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <shellapi.h>

#include <cerrno>
#include <cstdio>

#include "cli/console.hpp"

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

bool is_closed_pipe(int error) noexcept {
  if (error == EPIPE) return true;
  // What C libraries make of ERROR_NO_DATA, "the pipe is being closed".
  const auto handle = reinterpret_cast<HANDLE>(_get_osfhandle(_fileno(stdout)));
  return error == EINVAL && GetFileType(handle) == FILE_TYPE_PIPE;
}

}  // namespace tensorhold::cli
