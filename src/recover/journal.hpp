// A journal that was read, beside the file that it is about. journal_head.hpp says how that file is
// known again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "os/file/file_info.hpp"
#include "os/output/output.hpp"
#include "os/replace/beside.hpp"
#include "recover/journal_head.hpp"

namespace tensorhold::io {

/// The file that a journal may be about, opened for reading or for writing.
struct JournalTarget {
  template <typename Opened>  // os::File, os::Output
  explicit JournalTarget(const Opened& file)
      : handle(file.native()),
        status(file.status()),
        read([&file](auto at, auto out) { file.read_at(at, out); }) {}

  std::intptr_t handle;
  os::FileStatus status;
  std::function<void(std::uint64_t, std::span<std::byte>)> read;
};

class Journal {
 public:
  /// What stands at the name of the journal of `target`; std::nullopt when that is no journal, or
  /// of somebody who may not write the file.
  [[nodiscard]] static std::optional<Journal> find(const os::Place& place,
                                                   const JournalTarget& target);

  /// False: of somebody who may write the file as far as is seen, which is not enough to follow it.
  [[nodiscard]] bool trusted() const noexcept { return trust_ == os::Trust::whole; }

  enum class Finds : std::uint8_t {
    another,    ///< not the file that it was written for, or not as that was left
    old_bytes,  ///< all are there, in the file as it was: the edit had not begun
    new_bytes,  ///< all are there
    mixture     ///< of both, as far as was looked at
  };
  [[nodiscard]] Finds find_in(const JournalTarget& target) const;

  /// Writes all of the new bytes into the file: anew, so that a sync that failed before does not
  /// count. Never by sharing blocks, for those of a journal whose sync failed are not on the disk.
  void apply(const os::Output& target) const;
  /// The same by sharing blocks alone, for who wrote and synced the journal just now; false, and
  /// nothing done, where that is not possible.
  [[nodiscard]] bool apply_shared(const os::Output& target) const;

 private:
  Journal(os::Beside beside, const Head& head)
      : file_(std::move(beside.file)), trust_(beside.trust), head_(head) {}
  [[nodiscard]] bool has_same_prefix(const JournalTarget& target) const;
  [[nodiscard]] bool samples_are_old_or_new(const JournalTarget& target) const;
  [[nodiscard]] Finds compare(const JournalTarget& target) const;

  os::File file_;
  os::Trust trust_;
  Head head_;
};

}  // namespace tensorhold::io
