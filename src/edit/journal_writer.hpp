// Edits in place that survive a kill: what is to be written stands in a journal beside the file
// before the first byte of the file is touched. journal_recovery.hpp has the other half.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "os/output/output.hpp"
#include "os/replace/place.hpp"
#include "tensorhold/dtype.hpp"
#include "tensorhold/options.hpp"

namespace tensorhold::io {

/// One range of a file and its new bytes.
struct Change {
  std::uint64_t at = 0;               ///< in the file
  std::span<const std::byte> before;  ///< what stands there; may be empty when the header stays
  std::span<const std::byte> after;   ///< in the byte order of the machine
  Dtype dtype = Dtype::u8;            ///< of the elements in `after`
};

/// False: something stands at the journal's name that is not ours to replace.
[[nodiscard]] bool may_have_journal(const os::Place& place, const os::Output& target);

/// Makes the change in `target`, which stands at `place` and is locked by the caller. `prefix`: the
/// file's length field and header, by which the journal knows the file again. `last_look` runs
/// right before the first byte is written, which an error of it prevents. Raises what leaves the
/// file as it was; an error once bytes were written says that the edit will be finished later.
void change_in_place(const os::Place& place, os::Output& target, std::span<const std::byte> prefix,
                     const Change& change, const SaveOptions& options,
                     const std::function<void()>& last_look);

}  // namespace tensorhold::io
