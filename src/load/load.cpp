// Bulk reading for tensors that are asked for by name later: into memory, or into the system's
// cache.
#include <algorithm>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "base/boundary.hpp"
#include "base/checked.hpp"
#include "file/file_impl.hpp"
#include "file/not_found.hpp"
#include "load/loading.hpp"
#include "os/memory/memory_room.hpp"
#include "tensorhold/file.hpp"

namespace tensorhold {
inline namespace v0 {
namespace {

std::uint64_t total_bytes(const tensor::PartCatalog& wanted) {
  std::uint64_t total = 0;  // each tensor at most once, so it is less than the file's
  for (std::size_t i = 0; i < wanted.size(); ++i) total += wanted.nbytes(i);
  return total;
}

/// Reads into the tensors' own memory. Those that have theirs already are left out by the caller.
void read_owned(File::Impl& file, const std::shared_ptr<const tensor::PartCatalog>& wanted,
                const LoadOptions& options) {
  const std::uint64_t total = total_bytes(*wanted);
  io::ByteSource source = io::source_for(file, *wanted, total);
  io::check_memory(total, options, source.path);
  const io::ReadChoice choice = io::choose_reading(io::facts_of(source, total, options));
  io::Reading reading(wanted, std::move(source),
                      {.unit_bytes = choice.unit_bytes, .swaps = false, .stop = options.stop});
  io::run(reading, choice.threads, options.progress);
  for (std::size_t i = 0; i < wanted->size(); ++i)
    if (wanted->nbytes(i) != 0) (void)file.owned->keep(wanted->tensor(i), reading.take(i));
}

/// Reads and forgets, so that pages are at hand when a mapping is touched. Returns the bytes.
std::uint64_t read_ahead(File::Impl& file, std::shared_ptr<const tensor::PartCatalog> wanted,
                         const LoadOptions& options) {
  const std::uint64_t total = total_bytes(*wanted);
  io::ByteSource source = io::source_of(file);
  const io::ReadChoice choice = io::choose_reading(io::facts_of(source, total, options));
  io::Reading reading(std::move(wanted), std::move(source),
                      {.into = io::Into::nowhere,
                       .unit_bytes = choice.unit_bytes,
                       .swaps = false,
                       .stop = options.stop});
  io::run(reading, choice.threads, options.progress);
  return total;
}

/// What a read-ahead may fill: more than there is room for would only push out what came before.
std::uint64_t most_ahead(const LoadOptions& options) {
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  if (options.memory_budget != 0) most = options.memory_budget;
  if (const auto room = os::memory_room()) most = std::min(most, room->bytes);
  return most;
}

void load_file(File::Impl& file, const LoadOptions& options) {
  if (file.owned == nullptr) return;
  auto wanted = std::make_shared<tensor::PartCatalog>(file.catalog);
  wanted->reserve(file.catalog->size());
  for (std::uint32_t i = 0; i < file.catalog->size(); ++i)
    if (file.owned->stable_data(i) == nullptr) wanted->add(i);
  read_owned(file, std::move(wanted), options);
}

std::uint64_t prefetch_names(File::Impl& file, std::span<const std::string_view> names,
                             const LoadOptions& options) {
  std::vector<std::uint32_t> order;
  order.reserve(names.size());
  for (const std::string_view name : names) {
    const auto index = file.catalog->header().find(name);
    if (!index) io::raise_not_found(file, name);
    order.push_back(static_cast<std::uint32_t>(*index));
  }
  if (file.owned == nullptr && !file.source) return 0;
  const std::uint64_t most = most_ahead(options);
  std::vector<char> seen(file.catalog->size(), 0);
  auto wanted = std::make_shared<tensor::PartCatalog>(file.catalog);
  std::uint64_t total = 0;
  for (const std::uint32_t index : order) {
    if (std::exchange(seen[index], 1) != 0) continue;
    if (file.owned != nullptr && file.owned->stable_data(index) != nullptr) continue;
    const std::uint64_t nbytes = file.catalog->nbytes(index);
    if (nbytes > most - total) break;
    total += nbytes;
    wanted->add(index);
  }
  if (file.owned == nullptr) return read_ahead(file, std::move(wanted), options);
  read_owned(file, std::move(wanted), options);
  return total;
}

}  // namespace

void File::load(const LoadOptions& options) const {
  base::raising("loading a file", [&] { load_file(*impl_, options); });
}

Result<void> File::try_load(const LoadOptions& options) const noexcept {
  return base::guarded("loading a file", [&] { load_file(*impl_, options); });
}

std::uint64_t File::prefetch(std::span<const std::string_view> names,
                             const LoadOptions& options) const {
  return base::raising("reading ahead", [&] { return prefetch_names(*impl_, names, options); });
}

Result<std::uint64_t> File::try_prefetch(std::span<const std::string_view> names,
                                         const LoadOptions& options) const noexcept {
  return base::guarded("reading ahead", [&] { return prefetch_names(*impl_, names, options); });
}

}  // namespace v0
}  // namespace tensorhold
