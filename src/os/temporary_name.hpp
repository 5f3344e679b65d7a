// Names of temporary files: `.NAME.tensorhold-PID-RANDOM.tmp`, beside the file NAME.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tensorhold::os {

/// What the name of a temporary says.
struct TemporaryName {
  std::string_view stem;  ///< NAME, or its beginning when it is long
  std::uint64_t pid = 0;  ///< process that wrote it; may be of another host or container
};

/// Longest name that every filesystem in use takes, in bytes.
inline constexpr std::size_t usual_name_limit = 255;

/// The part of `name` that fits into the name of a temporary of at most `limit` bytes; never cuts a
/// UTF-8 sequence.
[[nodiscard]] std::string_view temporary_stem(std::string_view name, std::size_t limit) noexcept;

/// A name that nobody else uses (64 random bits).
[[nodiscard]] std::string make_temporary_name(std::string_view name, std::uint64_t pid,
                                              std::size_t limit = usual_name_limit);

/// std::nullopt when `file_name` is not the name of a temporary of ours.
[[nodiscard]] std::optional<TemporaryName> parse_temporary_name(
    std::string_view file_name) noexcept;

}  // namespace tensorhold::os
