// The story that the project exists for, S1 to S5, on a small file in a folder of its own.
#pragma once

#include <filesystem>

#include "cli/demo/sample.hpp"
#include "tensorhold/stop.hpp"

namespace tensorhold::cli::demo {

/// Tells it in `folder`: each step is tried with plain calls first (where they are refused), then
/// done with tensorhold, with the hold shown before and after. True: every tensor kept its address
/// and its bytes, and every file ended as it should. Raises what the system refuses for other
/// reasons, and between two steps cancelled.
[[nodiscard]] bool tell_story(const Sample& sample, const std::filesystem::path& folder,
                              const StopToken& stop);

}  // namespace tensorhold::cli::demo
