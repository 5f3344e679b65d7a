// All files that this process has open through the library, by identity and by path, and what it
// has mapped of them, by address.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hold/source/source.hpp"

namespace tensorhold::hold {

/// `path` from the root, without "." and ".." as far as they can be resolved by name alone; empty
/// for an empty path. Links are not followed.
[[nodiscard]] std::string absolute(const std::string& path);

/// Makes a source known until it is destroyed. Thread-safe, as all of these.
void enlist(const std::shared_ptr<Source>& source);
void forget(const Source* source) noexcept;

/// The sources whose file stands at `path` now, and those that were opened by that path. Raises
/// what looking at the path raises; that nothing stands there is no error.
[[nodiscard]] std::vector<std::shared_ptr<Source>> sources_of(const std::string& path);

/// Makes a mapping known until it ends. May raise out_of_memory.
void enlist(MappedBlock* block, const std::byte* begin, std::size_t bytes);
void forget_mapping(const std::byte* begin) noexcept;

/// The block in whose mapping `address` lies, as a user; null when there is none. What is there
/// must be kept by the caller.
[[nodiscard]] std::pair<BlockRef, MappedBlock*> mapped_block_at(const std::byte* address);

}  // namespace tensorhold::hold
