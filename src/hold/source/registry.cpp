#include "hold/source/registry.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/never_destroyed.hpp"
#include "hold/source/mapped_block.hpp"
#include "os/process/fork_mutex.hpp"

namespace tensorhold::hold {
namespace {

struct Entry {
  const Source* key;
  std::weak_ptr<Source> source;
};

struct MappedRange {
  const std::byte* end;
  MappedBlock* block;
};

struct Registry {
  os::ForkMutex mutex;  // guards what follows; no other lock is taken under it
  std::vector<Entry> entries;
  std::optional<std::map<const std::byte*, MappedRange>> mapped;  // by where they begin; made late
  std::atomic<std::size_t> mapped_count = 0;                      // looked at without the mutex
};

// Files may be closed by destructors that run after those of this library.
constinit base::NeverDestroyed<Registry> all_files;

Registry& registry() noexcept { return all_files.value; }

}  // namespace

std::string absolute(const std::string& path) {
  if (path.empty()) return {};
  const std::filesystem::path given(
      std::u8string(reinterpret_cast<const char8_t*>(path.data()), path.size()));
  std::error_code error;
  const std::filesystem::path full = std::filesystem::absolute(given, error);
  const std::u8string text = (error ? given : full).lexically_normal().generic_u8string();
  return {reinterpret_cast<const char*>(text.data()), text.size()};
}

void enlist(const std::shared_ptr<Source>& source) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  all.entries.push_back({source.get(), source});
}

void forget(const Source* source) noexcept {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  const auto found = std::ranges::find(all.entries, source, &Entry::key);
  if (found == all.entries.end()) return;
  *found = std::move(all.entries.back());
  all.entries.pop_back();
}

std::vector<std::shared_ptr<Source>> sources_of(const std::string& path) {
  const std::optional<os::FileStatus> now = os::status_at(path);
  const std::string full = absolute(path);
  std::vector<std::shared_ptr<Source>> found;
  Registry& all = registry();
  {
    const std::lock_guard lock(all.mutex);
    found.reserve(all.entries.size());
    // Dropped after the lock: the last one to let go of a source forgets it, which takes the lock.
    for (const Entry& entry : all.entries)
      if (auto source = entry.source.lock()) found.push_back(std::move(source));
  }
  std::erase_if(found, [&](const std::shared_ptr<Source>& source) {
    return !(now && source->status().identity == now->identity) &&
           (full.empty() || source->absolute_path() != full);
  });
  return found;
}

void enlist(MappedBlock* block, const std::byte* begin, std::size_t bytes) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  if (!all.mapped) all.mapped.emplace();  // no map can be made before the program runs
  all.mapped->insert_or_assign(begin, MappedRange{begin + bytes, block});
  all.mapped_count.store(all.mapped->size());
}

void forget_mapping(const std::byte* begin) noexcept {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  if (all.mapped && all.mapped->erase(begin) != 0) all.mapped_count.store(all.mapped->size());
}

std::pair<BlockRef, MappedBlock*> mapped_block_at(const std::byte* address) {
  Registry& all = registry();
  // What the caller keeps was mapped before, so that a look sees it.
  if (all.mapped_count.load() == 0) return {};
  const std::lock_guard lock(all.mutex);
  const auto after = all.mapped->upper_bound(address);
  if (after == all.mapped->begin()) return {};
  const MappedRange& range = std::prev(after)->second;
  if (address >= range.end || !range.block->try_retain()) return {};
  return {BlockRef(range.block), range.block};
}

}  // namespace tensorhold::hold
