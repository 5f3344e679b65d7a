#include <algorithm>
#include <utility>

#include "os/holders/holders.hpp"
#include "os/process/process.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

Holder to_holder(ProcessHold hold) {
  Holder holder;
  holder.pid = hold.pid;
  holder.command = std::move(hold.command);
  holder.nbytes = hold.mapped_bytes;
  holder.how = hold.mapped_bytes != 0 ? Holder::How::mapped
               : hold.hint_only       ? Holder::How::unknown
                                      : Holder::How::open;
  return holder;
}

HolderScan scan_path(const Identity& identity, const std::string& path) {
  try {
    const File file = File::open_read(path);
    if (file.status().identity == identity) return scan_holders(file);
  } catch (const Error&) {
    // Who may not read the file learns nothing of others either.
  }
  return {};
}

}  // namespace

OtherHolders other_holders(const Identity& identity, const std::string& path) {
  OtherHolders found;
  HolderScan scan = scan_path(identity, path);
  // Where nothing could be looked at, there is at least one that was not seen.
  found.unseen =
      scan.looked ? scan.closed_processes : std::max<std::size_t>(scan.closed_processes, 1);
  const std::int64_t self = process_id();
  for (ProcessHold& hold : scan.holds)
    if (hold.pid != self) found.list.push_back(to_holder(std::move(hold)));
  found.proof = prove_held(path, identity);
  return found;
}

}  // namespace tensorhold::os
