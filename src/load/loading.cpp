#include "load/loading.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "os/file/filesystem.hpp"
#include "os/memory/memory_room.hpp"
#include "os/process/process.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::io {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
// A read of this size costs little more than its bytes, on every storage that was measured.
constexpr std::uint64_t long_unit = 8 * mebibyte;
constexpr std::uint64_t short_unit = mebibyte;
// Enough to hide what a request waits for, where that is a network or another process.
constexpr unsigned distant_threads = 32;
// A disk wants a few requests at a time; memory is as fast as a few processors make it.
constexpr unsigned least_local_threads = 4;
constexpr unsigned most_local_threads = 16;
// Threads that wait for what is read past the cache, or copy from their buffers while others wait.
constexpr unsigned disk_threads = 12;
// A file's bytes that are looked for in the cache, before it is read.
constexpr std::size_t cache_samples = 64;
// Below this the questions what memory there is and what the cache has cost more than they save.
constexpr std::uint64_t worth_asking = 16 * mebibyte;

}  // namespace

ReadChoice choose_reading(const ReadFacts& facts) {
  ReadChoice choice;
  if (facts.wanted_threads != 0)
    choice.threads = facts.wanted_threads;
  else if (facts.past_cache)
    choice.threads = std::clamp(facts.processors, disk_threads, most_local_threads);
  else if (facts.distant)
    choice.threads = distant_threads;
  else if (facts.in_memory)
    choice.threads = std::clamp(facts.processors, 1U, most_local_threads);
  else
    choice.threads = std::clamp(facts.processors, least_local_threads, most_local_threads);
  choice.unit_bytes = long_unit;
  // So that every thread has some units; and where bytes come slowly, that the last are no long
  // wait.
  const std::uint64_t share = facts.nbytes / (std::uint64_t{choice.threads} * 4);
  if (share < long_unit)
    choice.unit_bytes = std::max(short_unit, share / (2 * mebibyte) * (2 * mebibyte));
  if (facts.most_ahead != 0)
    choice.unit_bytes =
        std::min(choice.unit_bytes, std::max<std::uint64_t>(facts.most_ahead / 4, 4096));
  return choice;
}

ByteSource source_of(const File::Impl& file) {
  if (file.source && file.source->ended())
    throw Error({.code = Code::released,
                 .reason = "the file was released, so nothing more can be read from it",
                 .advice = "Load before the release, or open the file again.",
                 .path = file.path});
  std::shared_ptr<const os::File> handle;
  if (file.source) handle = file.source->handle();
  hold::BlockRef block;  // keeps the bytes in memory, where there is no file
  if (!file.source) block = file.block.try_user();
  if (file.closed.load(std::memory_order_acquire) || (!handle && !block))
    throw Error({.code = Code::closed,
                 .reason = "the file was closed, so nothing more can be read from it",
                 .advice = "Open it again, or load before closing.",
                 .path = file.path});
  if (handle) return {.file = std::move(handle), .path = file.path};
  const tensor::FileCatalog& catalog = *file.catalog;
  const std::byte* const first = catalog.size() == 0 ? nullptr : block->stable_data(0);
  return {.memory = first == nullptr ? nullptr : first - catalog.offset(0),
          .keep = std::make_shared<const hold::BlockRef>(std::move(block)),
          .path = file.path};
}

namespace {

/// Makes the source show what tensors of the mapping show. They are held meanwhile, without which a
/// release would take their bytes away.
void keep_to_mapping(const File::Impl& file, const tensor::PartCatalog& wanted,
                     ByteSource& source) {
  if (file.access != Access::mapped || !source.file || os::reads_what_mappings_show(*source.file))
    return;
  auto held = std::make_shared<std::vector<Tensor>>();
  held->reserve(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) held->push_back(file.acquire(wanted.tensor(i)));
  source.keep = std::move(held);
  source.mapping = static_cast<const hold::MappedBlock*>(&*file.block);
}

}  // namespace

ByteSource source_for(const File::Impl& file, const tensor::PartCatalog& wanted,
                      std::uint64_t nbytes) {
  ByteSource source = source_of(file);
  keep_to_mapping(file, wanted, source);
  if (!source.file || nbytes < worth_asking) return source;
  auto reads = os::DirectReads::open(*source.file);
  if (!reads) return source;
  bool cached = true;
  for (std::size_t sample = 0; cached && sample < cache_samples; ++sample) {
    const std::size_t at = sample * wanted.size();
    const std::size_t index = at / cache_samples;
    const std::uint64_t into = wanted.nbytes(index) / cache_samples * (at % cache_samples);
    cached = reads->is_cached(wanted.offset(index) + into);
  }
  source.cached = cached;
  if (!cached) source.direct = std::make_shared<const DirectPath>(std::move(reads));
  return source;
}

ReadFacts facts_of(const ByteSource& source, std::uint64_t nbytes, const LoadOptions& options) {
  return {.wanted_threads = options.threads,
          .processors = std::max(1U, std::thread::hardware_concurrency()),
          .distant = source.file != nullptr &&
                     os::filesystem_of(*source.file).storage != os::Storage::local,
          .in_memory = source.file == nullptr || source.cached,
          .past_cache = source.direct != nullptr,
          .nbytes = nbytes};
}

void check_memory(std::uint64_t nbytes, const LoadOptions& options, const std::string& path) {
  const auto refuse = [&](std::uint64_t left, const std::string& limit, const char* advice) {
    throw Error({.code = Code::memory_limit,
                 .reason = "the tensors need " + std::to_string(nbytes) + " bytes of memory, and " +
                           limit + " leaves " + std::to_string(left),
                 .advice = advice,
                 .path = path});
  };
  if (options.memory_budget != 0 && nbytes > options.memory_budget)
    refuse(options.memory_budget, "memory_budget",
           "Give more, load fewer tensors at a time, or stream them.");
  if (nbytes < worth_asking) return;
  const auto room = os::memory_room();
  if (room && nbytes > room->bytes)
    refuse(room->bytes, room->limited_by,
           "Use mapped access, load fewer tensors at a time, or raise the limit.");
}

Crew::Crew(Reading& reading, unsigned threads) : process_(os::process_id()), reading_(reading) {
  const std::size_t most = std::min<std::size_t>(threads, reading.unit_count());
  try {
    threads_.reserve(most);
    while (threads_.size() < most)
      threads_.emplace_back([&reading] {
        while (reading.step()) {
        }
      });
  } catch (const std::exception&) {
    // No memory or no thread to be had: those that there are do the work.
  }
}

bool Crew::is_here() const noexcept { return process_ == os::process_id(); }

Crew::~Crew() {
  reading_.cancel();
  join();
}

void Crew::join() noexcept {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void run(Reading& reading, unsigned threads, const Progress& progress) {
  const std::uint64_t total = reading.nbytes();
  {
    Crew crew(reading, threads - 1);
    while (reading.step())
      if (progress) progress(reading.done_bytes(), total);
    crew.join();
  }
  reading.check();
  if (progress) progress(total, total);
}

}  // namespace tensorhold::io
