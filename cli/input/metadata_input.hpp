// Metadata that comes from files: one value, or all that a JSON file has.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tensorhold::cli {

using KeyValue = std::pair<std::string, std::string>;

/// All bytes of the file at `path`, of standard input for "-". Raises not_found and io_error.
[[nodiscard]] std::string read_text(const std::string& path);

/// The pairs of a JSON file, in its order: an object whose values are strings, or what `ls --json`
/// and `meta --json` print, where they are below "metadata". Raises invalid_json and, with the key,
/// invalid_metadata for other values.
[[nodiscard]] std::vector<KeyValue> read_pairs(const std::string& path);

/// "KEY=VALUE" as its two sides. Precondition: there is a sign.
[[nodiscard]] KeyValue split_pair(const std::string& pair);

}  // namespace tensorhold::cli
