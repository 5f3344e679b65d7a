#include "os/replace/beside.hpp"

#include <exception>

#include "os/leftovers/temporary_name.hpp"

namespace tensorhold::os {

bool remove_stale_journal(const Place& place, std::string_view name) noexcept try {
  const std::optional<JournalName> journal = parse_journal_name(name);
  if (!journal) return false;
  // Of a long name, only the one that is asked for is known.
  if (journal->cut && !journal->is_beside(place.name())) return false;
  const std::optional<FileStatus> now =
      journal->cut ? place.status() : status_beside(place, std::string(journal->stem));
  if (now && journal->is_of(now->identity)) return false;
  return remove_beside(place, std::string(name));
} catch (const std::exception&) {
  return false;
}

}  // namespace tensorhold::os
