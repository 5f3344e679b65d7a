// Names what a file that is not safetensors looks like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "tensorhold/error.hpp"

namespace tensorhold::format {

/// What a file is instead, in the words of an error.
struct Sniffed {
  Code code = Code::not_safetensors;
  std::string reason;
  std::string advice;
};

/// Judges by the first bytes, up to 4096 of them; nothing when they tell nothing. Best effort, for
/// messages about files that were refused already.
[[nodiscard]] std::optional<Sniffed> sniff(std::span<const std::byte> first,
                                           std::uint64_t file_bytes);

}  // namespace tensorhold::format
