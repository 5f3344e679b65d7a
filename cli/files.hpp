// One subcommand over several files.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/output/json.hpp"

namespace tensorhold::cli {

/// What a subcommand does with one file; it adds one value to the Json it was made with. Returns an
/// exit status; raises tensorhold::Error before it prints or adds anything.
using FileWork = std::function<int(const std::string& path)>;

/// Runs `work` for each path and returns the worst status. An error of one of several files is
/// printed, and the others are done all the same; the error of a single file is the caller's.
/// `json` (or null, for text): gets an array when there are several, in which a file that failed is
/// its path and its error. As text each of several has a line with its path above it.
[[nodiscard]] int for_each_file(const std::vector<std::string>& paths, Json* json,
                                const FileWork& work);

}  // namespace tensorhold::cli
