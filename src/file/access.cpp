#include "file/access.hpp"

#include "os/file/mapping.hpp"

namespace tensorhold::io {
namespace {

/// Why the file should rather be read than mapped; empty when it should not.
std::string against_mapping(const AccessFacts& facts) {
  if (facts.mapping_holds)
    return "on this system a mapping would keep the file from being deleted or replaced";
  const std::string name = facts.filesystem.name;
  switch (facts.filesystem.storage) {
    case os::Storage::network:
      return "the file is on a network (" + name + "), which reads faster than it maps";
    case os::Storage::process:
      return "another process answers for the file (" + name + "), which reads faster than it maps";
    case os::Storage::local:
      break;
  }
  return {};
}

}  // namespace

bool needs_room(const AccessFacts& facts) {
  return facts.wanted == Access::automatic && !against_mapping(facts).empty();
}

AccessChoice choose_access(const AccessFacts& facts) {
  switch (facts.wanted) {
    case Access::mapped:
      return {Access::mapped, "Mapped, as asked.", false};
    case Access::owned:
      return {Access::owned, "Owned, as asked.", false};
    case Access::automatic:
      break;
  }
  const std::string against = against_mapping(facts);
  if (against.empty()) {
    const std::string name = facts.filesystem.name;
    return {Access::mapped,
            "Mapped: the file is on this machine" + (name.empty() ? "" : " (" + name + ")") +
                ", and a mapping keeps nobody from it.",
            true};
  }
  if (facts.room && facts.nbytes > facts.room->bytes)
    return {Access::mapped,
            "Mapped, although " + against + ": owning its " + std::to_string(facts.nbytes) +
                " bytes would break a limit, as " + facts.room->limited_by + " leaves " +
                std::to_string(facts.room->bytes) + ".",
            true};
  return {Access::owned, "Owned: " + against + ".", false};
}

AccessFacts access_facts(Access wanted, const os::File& file, std::uint64_t nbytes) {
  AccessFacts facts{.wanted = wanted,
                    .mapping_holds = os::mapping_blocks_others,
                    .filesystem = os::filesystem_of(file),
                    .nbytes = nbytes};
  if (needs_room(facts)) facts.room = os::memory_room();
  return facts;
}

}  // namespace tensorhold::io
