// What an Output remembers of its syncs, on every system.
#include "os/output/output.hpp"

namespace tensorhold::os {
namespace {

/// Runs `step`, unless it failed before, and keeps its failure in `lost`.
auto remember(std::optional<Error>& lost, const auto& step) {
  if (lost) throw *lost;
  try {
    return step();
  } catch (const Error& error) {
    lost = error;
    throw;
  }
}

}  // namespace

void Output::flush() {
  remember(lost_, [&] { ask_to_flush(); });
}

bool Output::sync() {
  return remember(lost_, [&] { return ask_to_sync(); });
}

bool Output::sync_bytes() {
  return remember(lost_, [&] { return ask_to_sync_bytes(); });
}

}  // namespace tensorhold::os
