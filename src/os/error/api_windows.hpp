// What the Windows files of this layer share: the system's header, handles, names that older
// headers lack.
#pragma once

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>

#include <cstdint>
#include <utility>

namespace tensorhold::os::windows {

// mingw-w64 10 hides these two behind a version that cannot be asked for.
inline constexpr auto file_disposition_info_ex = static_cast<FILE_INFO_BY_HANDLE_CLASS>(21);
inline constexpr auto file_rename_info_ex = static_cast<FILE_INFO_BY_HANDLE_CLASS>(22);

inline constexpr DWORD disposition_delete = 0x1;
inline constexpr DWORD disposition_posix_semantics = 0x2;
inline constexpr DWORD disposition_ignore_readonly = 0x10;
inline constexpr DWORD rename_replace_if_exists = 0x1;
inline constexpr DWORD rename_posix_semantics = 0x2;
inline constexpr DWORD rename_ignore_readonly = 0x40;

inline constexpr DWORD error_user_mapped_file = 1224;
inline constexpr DWORD share_all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

[[nodiscard]] inline HANDLE handle_of(std::intptr_t native) noexcept {
  return reinterpret_cast<HANDLE>(native);  // NOLINT: how the interface carries handles
}

/// Owns a kernel handle. The system has two values for "none": both count as none here.
class Handle {
 public:
  Handle() noexcept = default;
  explicit Handle(HANDLE handle) noexcept
      : handle_(handle == INVALID_HANDLE_VALUE ? nullptr : handle) {}
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Handle() { reset(); }

  [[nodiscard]] explicit operator bool() const noexcept { return handle_ != nullptr; }
  [[nodiscard]] HANDLE get() const noexcept { return handle_; }
  [[nodiscard]] HANDLE take() noexcept { return std::exchange(handle_, nullptr); }
  /// Keeps the error that the caller is about to read.
  void reset() noexcept {
    if (handle_ == nullptr) return;
    const DWORD error = GetLastError();
    CloseHandle(std::exchange(handle_, nullptr));
    SetLastError(error);
  }

 private:
  HANDLE handle_ = nullptr;
};

}  // namespace tensorhold::os::windows
