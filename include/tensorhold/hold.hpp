// Holds on files: letting go of them.
#pragma once

#include "tensorhold/error.hpp"
#include "tensorhold/export.hpp"
#include "tensorhold/path.hpp"
#include "tensorhold/release.hpp"

namespace tensorhold {
inline namespace v0 {

/// Lets go in place of the file that stands at `path` and of those that were opened by that path
/// and have been replaced or deleted since: the bytes of live tensors become private memory at the
/// same addresses, then neither a mapping nor a handle of the file is left in this library. Bytes
/// of tensors that nobody has cost nothing. Metadata stays readable; new tensors are refused
/// (released). Nothing open by that path: nothing happens.
///
/// Raises release_unsupported, release_refused, memory_limit and out_of_memory, after which nothing
/// has changed; release_partial, after which every byte handed out is still right, part of the file
/// is held, and a later release goes on. Thread-safe: other threads may read tensors, write
/// writable views, and drop them meanwhile; see docs/guarantees.md for what a writer should know.
TENSORHOLD_API Released release(const Path& path, const ReleaseOptions& options = {});
[[nodiscard]] TENSORHOLD_API Result<Released> try_release(
    const Path& path, const ReleaseOptions& options = {}) noexcept;

}  // namespace v0
}  // namespace tensorhold
