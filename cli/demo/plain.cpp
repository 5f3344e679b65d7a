#include "cli/demo/plain.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <system_error>

namespace tensorhold::cli::demo {
namespace {

Verdict verdict(const char* call, const std::error_code& error) {
  if (!error) return {true, fmt::format("{}: allowed", call)};
  return {false, fmt::format("{}: refused, {} ({})", call, error.message(), error.value())};
}

}  // namespace

Verdict plain_remove(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::remove(path, error);
  return verdict("remove", error);
}

Verdict plain_truncate(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::resize_file(path, 0, error);
  return verdict("truncate", error);
}

Verdict plain_overwrite(const std::filesystem::path& path) {
  errno = 0;
  const bool opened = std::ofstream(path, std::ios::binary | std::ios::trunc).is_open();
  return verdict("open to overwrite",
                 opened ? std::error_code() : std::error_code(errno, std::generic_category()));
}

Verdict plain_rename(const std::filesystem::path& from, const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::rename(from, path, error);
  return verdict("rename onto it", error);
}

}  // namespace tensorhold::cli::demo
