#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include "os/rights/extended_attributes_posix.hpp"

namespace tensorhold::os {
namespace {

constexpr const char* list_name = "system.posix_acl_access";

/// Labels that decide who may use a file. Not security.capability, which is a right of its own, and
/// not the sums that are about the bytes.
constexpr std::array<std::string_view, 2> labels{"security.selinux", "security.SMACK64"};

std::string link_of(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

// A descriptor that is not for reading has to be asked by its link.
ssize_t get(int descriptor, const char* name, void* to, std::size_t size) {
  const ssize_t got = ::fgetxattr(descriptor, name, to, size);
  if (got >= 0 || errno != EBADF) return got;
  return ::getxattr(link_of(descriptor).c_str(), name, to, size);
}

ssize_t list_names(int descriptor, char* to, std::size_t size) {
  const ssize_t got = ::flistxattr(descriptor, to, size);
  if (got >= 0 || errno != EBADF) return got;
  return ::listxattr(link_of(descriptor).c_str(), to, size);
}

// Calls `ask(to, size)`, which tells the size when that is 0, until its answer fits; -1: refused.
template <class Bytes, class Ask>
ssize_t ask_all(Bytes& bytes, const Ask& ask) {
  constexpr int attempts = 8;  // it may grow between two calls
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const ssize_t size = ask(nullptr, std::size_t{0});
    if (size <= 0) {
      bytes.clear();
      return size;
    }
    bytes.resize(static_cast<std::size_t>(size));
    const ssize_t got = ask(bytes.data(), bytes.size());
    if (got >= 0) {
      bytes.resize(static_cast<std::size_t>(got));
      return got;
    }
    if (errno != ERANGE) return -1;
  }
  return -1;
}

ssize_t read_one(int descriptor, const char* name, std::vector<std::byte>& value) {
  return ask_all(value,
                 [&](void* to, std::size_t size) { return get(descriptor, name, to, size); });
}

bool is_carried(std::string_view name) noexcept {
  return name.starts_with("user.") || name == labels[0] || name == labels[1];
}

bool says_none(int error) noexcept {
  return error == ENODATA || error == EOPNOTSUPP || error == ENOTSUP || error == ENOSYS;
}

}  // namespace

std::optional<std::vector<std::byte>> read_list(int descriptor) {
  std::vector<std::byte> list;
  if (descriptor < 0) return std::nullopt;
  if (read_one(descriptor, list_name, list) >= 0) return list;
  if (!says_none(errno)) return std::nullopt;
  list.clear();
  return list;
}

bool write_list(int descriptor, const std::vector<std::byte>& list) noexcept {
  if (!list.empty()) return ::fsetxattr(descriptor, list_name, list.data(), list.size(), 0) == 0;
  return ::fremovexattr(descriptor, list_name) == 0 || says_none(errno);
}

void copy_extended(int from, int to) {
  std::string names;
  if (from < 0 ||
      ask_all(names, [&](char* out, std::size_t size) { return list_names(from, out, size); }) <= 0)
    return;
  std::vector<std::byte> value;
  std::vector<std::byte> ours;
  for (std::size_t at = 0; at < names.size();) {
    const char* const name = names.c_str() + at;
    at += std::string_view(name).size() + 1;
    if (!is_carried(name) || read_one(from, name, value) < 0) continue;
    if (read_one(to, name, ours) >= 0 && ours == value) continue;
    (void)::fsetxattr(to, name, value.data(), value.size(), 0);
  }
}

}  // namespace tensorhold::os
