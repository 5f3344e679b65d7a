// Release in place: the mappings of a file become private memory, then nothing of it is held.
#pragma once

#include <memory>
#include <span>

#include "hold/source/source.hpp"
#include "tensorhold/release.hpp"

namespace tensorhold::hold {

/// Releases all mappings and handles of these sources, in one go: limits are checked for all of
/// them before the first byte is changed. Raises release_unsupported, release_refused, memory_limit
/// and out_of_memory, after which nothing changed; release_partial, after which every byte handed
/// out is valid, no new tensor can be had, and a later release goes on; io errors while owned
/// tensors are read. Thread-safe; a second release of a source waits for the first.
Released release(std::span<const std::shared_ptr<Source>> sources, const ReleaseOptions& options);

}  // namespace tensorhold::hold
