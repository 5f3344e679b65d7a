#include "lockfs/server/nodes.hpp"

namespace tensorhold::lockfs {

std::shared_ptr<Node> Nodes::find(Id id) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

Nodes::Id Nodes::enter(Descriptor&& descriptor, const struct stat& status) {
  const std::lock_guard lock(mutex_);
  const Node::Identity identity{status.st_dev, status.st_ino};
  const auto [known, is_new] = by_identity_.try_emplace(identity, next_);
  if (is_new) by_id_[next_++] = std::make_shared<Node>(std::move(descriptor), identity);
  ++by_id_[known->second]->lookups;
  return known->second;
}

void Nodes::forget(Id id, std::uint64_t lookups) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (id == kRoot || found == by_id_.end()) return;
  Node& node = *found->second;
  node.lookups -= lookups < node.lookups ? lookups : node.lookups;
  if (node.lookups > 0) return;
  by_identity_.erase(node.identity);
  by_id_.erase(found);
}

std::shared_ptr<Node> Nodes::find(const struct stat& status) const {
  const std::lock_guard lock(mutex_);
  const auto known = by_identity_.find({status.st_dev, status.st_ino});
  return known == by_identity_.end() ? nullptr : by_id_.at(known->second);
}

}  // namespace tensorhold::lockfs
