#include "os/error/path_windows.hpp"

#include <limits>
#include <utility>

#include "os/error/api_windows.hpp"
#include "os/error/error_windows.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os::windows {
namespace {

// Folders are limited to 248 characters, and a temporary sibling's name is longer than its
// target's.
constexpr std::size_t long_path = 200;

std::wstring absolute(const std::wstring& wide, const std::string& path) {
  std::wstring full(wide.size() + MAX_PATH, L'\0');
  for (;;) {
    const DWORD size =
        GetFullPathNameW(wide.c_str(), static_cast<DWORD>(full.size()), full.data(), nullptr);
    if (size == 0) raise_error("resolve the path", path, GetLastError());
    const bool fits = size < full.size();
    full.resize(size);
    if (fits) return full;
  }
}

}  // namespace

std::wstring widened(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos)
    raise(Error({.code = Code::invalid_argument,
                 .reason = path.empty() ? "the path is empty" : "the path has a NUL inside",
                 .advice = "Give the path of a file.",
                 .path = path}));
  const int bytes = path.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())
                        ? 0
                        : static_cast<int>(path.size());
  const int units =
      MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path.data(), bytes, nullptr, 0);
  if (units <= 0)
    raise(Error({.code = Code::invalid_argument,
                 .reason = "the path is not UTF-8",
                 .advice = "Convert the path to UTF-8, or pass a std::filesystem::path.",
                 .path = path}));
  std::wstring wide(static_cast<std::size_t>(units), L'\0');
  MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path.data(), bytes, wide.data(), units);
  return wide;
}

std::wstring wide_path(const std::string& path) {
  std::wstring wide = widened(path);
  if (wide.starts_with(L"\\\\?\\") || wide.starts_with(L"\\\\.\\")) return wide;
  // A short relative path may be long in its folder.
  std::wstring full = absolute(wide, path);
  if (full.size() < long_path) return wide;
  wide = std::move(full);
  if (wide.starts_with(L"\\\\")) return L"\\\\?\\UNC\\" + wide.substr(2);
  return L"\\\\?\\" + wide;
}

std::string utf8(std::wstring_view text) {
  if (text.empty()) return {};
  const int units = text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())
                        ? std::numeric_limits<int>::max()
                        : static_cast<int>(text.size());
  const int bytes =
      WideCharToMultiByte(CP_UTF8, 0, text.data(), units, nullptr, 0, nullptr, nullptr);
  if (bytes <= 0) return {};
  std::string out(static_cast<std::size_t>(bytes), '\0');
  WideCharToMultiByte(CP_UTF8, 0, text.data(), units, out.data(), bytes, nullptr, nullptr);
  return out;
}

}  // namespace tensorhold::os::windows
