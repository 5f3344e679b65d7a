// The journals of edits, as they are seen in a folder.
#pragma once

#include <filesystem>
#include <string>

#include "scratch.hpp"

namespace tensorhold::test {

inline bool is_journal(const std::string& name) {
  return name.starts_with('.') && name.find(".tensorhold-") != std::string::npos &&
         name.ends_with(".journal");
}

/// The name of the first journal in a folder; empty when there is none.
inline std::string journal_in(const std::filesystem::path& folder) {
  for (const std::string& name : Scratch::names_in(folder))
    if (is_journal(name)) return name;
  return {};
}

}  // namespace tensorhold::test
