// Changing a file as any program does, through the standard library, and what the system says.
#pragma once

#include <filesystem>
#include <string>

namespace tensorhold::cli::demo {

/// What became of a plain call.
struct Verdict {
  bool allowed = false;
  std::string text;  ///< "remove: allowed", or "remove: refused, Permission denied (13)"
};

[[nodiscard]] Verdict plain_remove(const std::filesystem::path& path);
/// Makes the file empty.
[[nodiscard]] Verdict plain_truncate(const std::filesystem::path& path);
/// Opens the file for writing from its start, as a saver does that knows nothing of holds.
[[nodiscard]] Verdict plain_overwrite(const std::filesystem::path& path);
[[nodiscard]] Verdict plain_rename(const std::filesystem::path& from,
                                   const std::filesystem::path& path);

}  // namespace tensorhold::cli::demo
