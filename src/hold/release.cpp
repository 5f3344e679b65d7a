#include "hold/release.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/boundary.hpp"
#include "hold/source/mapped_block.hpp"
#include "hold/source/owned_block.hpp"
#include "os/memory/memory_room.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::hold {
namespace {

constexpr unsigned most_threads = 4;

/// The release of one mapping.
struct Job {
  BlockRef keep;
  MappedBlock* block;
  std::shared_ptr<const os::File> handle;  ///< null when it is not kept
  std::unique_ptr<os::Release> release;
};

struct Chunk {
  const Job* job;
  std::size_t number;
};

std::uint64_t held_bytes(const std::vector<Job>& jobs) {
  std::uint64_t bytes = 0;
  for (const Job& job : jobs) bytes += os::count_pages(job.block->held_parts());
  return bytes;
}

/// Lets threads take chunks until all are done or one failed.
class Work {
 public:
  explicit Work(const std::vector<Job>& jobs) {
    for (const Job& job : jobs)
      for (std::size_t i = 0; i < job.release->chunks(); ++i) chunks_.push_back({&job, i});
  }

  /// Does one chunk; false when there is none left to do.
  bool step() noexcept {
    const std::size_t mine = next_.fetch_add(1);
    if (stop_.load() || mine >= chunks_.size()) return false;
    const Chunk& chunk = chunks_[mine];
    try {
      done_.fetch_add(chunk.job->block->release_chunk(*chunk.job->release, chunk.number));
      return true;
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      stop_.store(true);
      return false;
    }
  }
  void stop() noexcept { stop_.store(true); }
  [[nodiscard]] std::uint64_t done() const noexcept { return done_.load(); }
  [[nodiscard]] std::size_t size() const noexcept { return chunks_.size(); }
  /// What failed first; asked when no thread works any more.
  [[nodiscard]] std::exception_ptr failure() const noexcept { return failure_; }

 private:
  std::vector<Chunk> chunks_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::uint64_t> done_ = 0;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;  // guards failure_ while threads work
  std::exception_ptr failure_;
};

/// Does all chunks, on this thread and on others.
void run(Work& work, std::uint64_t total, const ReleaseOptions& options) {
  const unsigned machine = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t wanted =
      options.threads != 0 ? options.threads : std::min(machine, most_threads);
  std::vector<std::thread> others;
  const auto join = [&] {
    for (std::thread& thread : others) thread.join();
  };
  try {
    others.reserve(wanted);
    while (others.size() + 1 < std::min(wanted, work.size()))
      others.emplace_back([&work] {
        while (work.step()) {
        }
      });
  } catch (const std::exception&) {
    // No memory or no thread to be had: those that there are do the work.
  }
  try {
    while (work.step())
      if (options.progress) options.progress(std::min(work.done(), total), total);
  } catch (...) {
    work.stop();
    join();
    throw;
  }
  join();
  if (work.failure()) std::rethrow_exception(work.failure());
  if (options.progress) options.progress(total, total);
}

[[noreturn]] void raise_partial(const Error& cause, std::uint64_t done, std::uint64_t total) {
  ErrorInfo info = cause.info();
  info.code = Code::release_partial;
  info.reason = std::to_string(done) + " of " + std::to_string(total) +
                " bytes were released, the others still hold the file: " + cause.reason();
  throw Error(std::move(info));
}

void refuse_pinned(const std::vector<Job>& jobs, const ReleaseOptions& options,
                   const std::string& path) {
  for (const Job& job : jobs) job.block->refuse_pinned();
  if (options.pinned_elsewhere || !os::has_pinned_memory()) return;
  throw Error({.code = Code::release_refused,
               .reason = "this process has memory pinned for devices or registered buffers, which "
                         "would keep the pages that a release takes away",
               .advice = "Unpin it; or set pinned_elsewhere when none of it is a tensor of this "
                         "file.",
               .path = path});
}

void check_room(std::uint64_t needed, const std::string& path) {
  const auto room = os::memory_room();
  if (!room || needed <= room->bytes) return;
  throw Error({.code = Code::memory_limit,
               .reason = "the live tensors need " + std::to_string(needed) +
                         " bytes of memory, and " + room->limited_by + " leaves " +
                         std::to_string(room->bytes),
               .advice = "Drop tensors that are no longer needed, or raise the limit.",
               .path = path});
}

std::size_t count_live(const Block& block) {
  std::size_t live = 0;
  for (std::size_t i = 0; i < block.catalog().size(); ++i) live += block.live(i) != 0 ? 1 : 0;
  return live;
}

/// Reads what is live and not read yet, after which an owned open needs its file no more. Returns
/// the number of live tensors.
std::size_t load_owned(Source& source, const Source::Blocks& blocks) {
  const bool ended = source.ended();
  source.end();
  std::size_t live = 0;
  try {
    for (const auto& [keep, block] : blocks.owned) {
      block->load_live();
      live += count_live(*block);
    }
  } catch (...) {
    if (!ended) source.reopen();
    throw;
  }
  return live;
}

void release_mappings(std::vector<Job>& jobs, const ReleaseOptions& options,
                      std::span<const std::shared_ptr<Source>> sources) {
  const std::uint64_t total = held_bytes(jobs);
  check_room(total, sources.front()->path());
  for (Job& job : jobs) {
    job.handle = job.block->handle();
    job.release = job.block->prepare_release(job.handle.get());
  }
  Work work(jobs);
  for (const auto& source : sources) source->end();
  for (const Job& job : jobs) job.block->begin_release();
  // True: everything is as it was before.
  const auto end_all = [&] {
    bool untouched = true;
    for (const Job& job : jobs) untouched = job.block->end_release(*job.release) && untouched;
    if (untouched)
      for (const auto& source : sources) source->reopen();
    return untouched;
  };
  try {
    run(work, total, options);
  } catch (const Error& error) {
    if (end_all()) throw;
    raise_partial(error, work.done(), total);
  } catch (const std::bad_alloc&) {
    if (end_all()) throw;
    raise_partial(base::out_of_memory_error("releasing a file"), work.done(), total);
  } catch (...) {
    (void)end_all();
    throw;
  }
  (void)end_all();
}

}  // namespace

Released release(std::span<const std::shared_ptr<Source>> sources, const ReleaseOptions& options) {
  Released result;
  if (sources.empty()) return result;
  // In one order everywhere, so that two releases of several files cannot wait for each other.
  std::vector<std::shared_ptr<Source>> ordered(sources.begin(), sources.end());
  std::ranges::sort(ordered);
  std::deque<Source::Turn> turns;
  for (const auto& source : ordered) turns.emplace_back(*source);

  std::vector<Source::Blocks> blocks;
  blocks.reserve(ordered.size());
  for (const auto& source : ordered) blocks.push_back(source->blocks());
  std::vector<Job> jobs;
  for (const Source::Blocks& of_source : blocks)
    for (const auto& [keep, block] : of_source.mapped)
      if (block->mapped()) jobs.push_back({keep, block, nullptr, nullptr});
  if (!jobs.empty()) {
    refuse_pinned(jobs, options, ordered.front()->path());
    release_mappings(jobs, options, ordered);
  }
  for (const Job& job : jobs) {
    result.tensors += count_live(*job.block);
    result.bytes += os::count_pages(job.block->live_parts());
  }
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    Source& source = *ordered[i];
    result.tensors += load_owned(source, blocks[i]);
    source.close();
    std::vector<MappedBlock*> known;
    known.reserve(blocks[i].mapped.size());
    for (const auto& [keep, block] : blocks[i].mapped) known.push_back(block);
    source.wait_for_others(known);
  }
  result.files = ordered.size();
  return result;
}

}  // namespace tensorhold::hold
