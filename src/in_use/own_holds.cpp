#include "in_use/own_holds.hpp"

#include <chrono>
#include <thread>
#include <utility>

#include "hold/holders.hpp"
#include "hold/release.hpp"
#include "hold/source/registry.hpp"
#include "os/file/mapping.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::io {
namespace {

[[noreturn]] void raise_with_holders(const Error& error, const std::string& path) {
  ErrorInfo info = error.info();
  try {
    info.holders = hold::holders(path).list;
  } catch (const Error&) {
    throw error;  // the list is a help; what happened counts
  }
  throw Error(std::move(info));
}

/// change(), of what this process does not hold. What was released or dropped just now may count
/// for a moment still: reads ahead that are under way keep a file of FUSE, and who looks through
/// the files of all processes, as holders() does, has those of this one meanwhile.
void change_free(const std::string& path, const std::function<void()>& change) {
  // Windows' own part waits by itself.
  constexpr auto longest = std::chrono::milliseconds(64);
  auto pause = os::mapping_blocks_others ? 2 * longest : std::chrono::milliseconds(1);
  for (;; pause *= 2) {
    try {
      return change();
    } catch (const Error& error) {
      if (error.code() != Code::file_in_use) throw;
      if (pause > longest) raise_with_holders(error, path);
    }
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

bool change_held(const std::string& path, const std::function<void()>& change) {
  try {
    change();
    return false;
  } catch (const Error& error) {
    if (error.code() != Code::file_in_use) throw;
  }
  const bool held = hold::held_here(path);
  if (held) (void)hold::release(hold::sources_of(path), {});
  change_free(path, change);
  return held;
}

}  // namespace tensorhold::io
