// Header text, as the reference writer spells it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tensorhold/dtype.hpp"

namespace tensorhold::format {

/// Appends `text` in quotes. Like serde_json, escapes quotes, backslashes and control characters
/// and nothing else: by a letter where JSON has one (b f n r t), else as u00xx in lower case.
void append_json_string(std::string& out, std::string_view text);

/// Appends one tensor's member: `"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}`.
void append_entry(std::string& out, std::string_view name, Dtype dtype,
                  std::span<const std::uint64_t> shape, std::uint64_t begin, std::uint64_t end);

}  // namespace tensorhold::format
