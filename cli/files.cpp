#include "cli/files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/command.hpp"
#include "cli/output/text.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::cli {

int for_each_file(const std::vector<std::string>& paths, Json* json, const FileWork& work) {
  if (paths.size() == 1) return work(paths.front());
  int worst = success;
  if (json != nullptr) json->begin_array();
  for (const std::string& path : paths) {
    if (json == nullptr) fmt::print("{}{}:\n", &path == paths.data() ? "" : "\n", printable(path));
    try {
      worst = std::max(worst, work(path));
    } catch (const Error& error) {
      (void)std::fflush(stdout);  // before what goes to standard error
      print_error(error);
      worst = std::max(worst, exit_of(error.code()));
      if (json == nullptr) continue;
      add_failed(*json, path, error);
    }
  }
  if (json != nullptr) json->end_array();
  return worst;
}

}  // namespace tensorhold::cli
