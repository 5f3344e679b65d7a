// Names of what stands beside a file NAME for a while: `.NAME.tensorhold-PID-RANDOM.tmp` for a
// temporary, `.NAME.tensorhold-NUMBER.journal` for the journal of an edit. NUMBER is that of the
// file (inode) in hexadecimal digits, so that the journal of another file is not even found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "os/file/file.hpp"

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

/// True for the name of a temporary, which may be left when a process of ours is killed, and which
/// a later one removes when nobody has its lock.
[[nodiscard]] bool is_leftover_name(std::string_view file_name) noexcept;

/// What the name of a journal says.
struct JournalName {
  std::string_view stem;   ///< NAME, or what is left of a long one
  bool cut = false;        ///< the stem may be that of a long NAME
  std::uint64_t file = 0;  ///< of the identity of the file that is edited; not the device, whose
  std::uint64_t file_high = 0;  ///< number changes at boot

  /// True when it is beside a file of that name, whichever file that is.
  [[nodiscard]] bool is_beside(std::string_view name) const;
  [[nodiscard]] bool is_of(const Identity& identity) const noexcept {
    return file == identity.file && file_high == identity.file_high;
  }
};

/// The name of the journal of the file `identity`, which has the name `name`.
[[nodiscard]] std::string make_journal_name(std::string_view name, const Identity& identity);

/// std::nullopt when `file_name` is not the name of a journal of ours.
[[nodiscard]] std::optional<JournalName> parse_journal_name(std::string_view file_name) noexcept;

}  // namespace tensorhold::os
