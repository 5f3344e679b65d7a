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
  std::string_view stem;  ///< NAME, or what temporary_stem() makes of a long one
  std::uint64_t pid = 0;  ///< process that wrote it; may be of another host or container
};

/// Longest name that every filesystem in use takes, in bytes.
inline constexpr std::size_t usual_name_limit = 255;

/// `name` as it stands in the name of a temporary of at most `limit` bytes. One that does not fit
/// is cut, never inside a UTF-8 sequence, and has a sum of the whole behind it: the parts of a
/// model may differ in their last letters only.
[[nodiscard]] std::string temporary_stem(std::string_view name, std::size_t limit);

/// A name that nobody else uses (64 random bits).
[[nodiscard]] std::string make_temporary_name(std::string_view name, std::uint64_t pid,
                                              std::size_t limit = usual_name_limit);

/// std::nullopt when `file_name` is not the name of a temporary of ours.
[[nodiscard]] std::optional<TemporaryName> parse_temporary_name(
    std::string_view file_name) noexcept;

/// True for the name of a file that may be left when a process of ours is killed, and that a later
/// one removes when nobody has its lock. The one place that knows all such names.
[[nodiscard]] bool is_leftover_name(std::string_view file_name) noexcept;

}  // namespace tensorhold::os
