#include "hold/holders.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "hold/source/mapped_block.hpp"
#include "hold/source/registry.hpp"
#include "os/holders/holders.hpp"
#include "os/process/process.hpp"

namespace tensorhold::hold {
namespace {

Holder::Which which_of(const Source& source, const std::optional<os::FileStatus>& now) {
  if (!now) return Holder::Which::deleted;
  return source.status().identity == now->identity ? Holder::Which::current
                                                   : Holder::Which::replaced;
}

void add_own(const Source& source, Holder::Which which, std::vector<Holder>& list) {
  Holder holder;
  holder.pid = os::process_id();
  holder.own = true;
  holder.label = source.label();
  holder.which = which;
  holder.how = Holder::How::mapped;
  for (const auto& [keep, block] : source.blocks().mapped) {
    if (!block->mapped()) continue;
    for (const std::uint32_t index : block->live_tensors()) {
      holder.tensor = std::string(block->catalog().name(index));
      holder.nbytes = block->catalog().nbytes(index);
      list.push_back(holder);
    }
  }
  if (!source.handle()) return;
  holder.tensor.clear();
  holder.nbytes = 0;
  holder.how = Holder::How::open;
  list.push_back(std::move(holder));
}

}  // namespace

Holders holders(const std::string& path) {
  Holders result;
  const std::optional<os::FileStatus> now = os::status_at(path);
  for (const auto& source : sources_of(path)) add_own(*source, which_of(*source, now), result.list);
  if (!now) return result;
  os::OtherHolders others = os::other_holders(now->identity, absolute(path));
  for (Holder& holder : others.list) result.list.push_back(std::move(holder));
  result.unseen = others.unseen;
  result.proof = others.proof;
  return result;
}

bool held_here(const std::string& path) {
  for (const auto& source : sources_of(path)) {
    if (source->handle()) return true;
    for (const auto& [keep, block] : source->blocks().mapped)
      if (block->mapped()) return true;
  }
  return false;
}

}  // namespace tensorhold::hold
