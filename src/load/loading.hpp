// What loads, streams and prefetches share: where the bytes are, how many threads, how much memory.
#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "file/file_impl.hpp"
#include "load/reading.hpp"

namespace tensorhold::io {

/// What the choice of threads and units is made from.
struct ReadFacts {
  unsigned wanted_threads = 0;  ///< LoadOptions::threads
  unsigned processors = 1;
  bool distant = false;          ///< each request waits long, for a network or another process
  bool in_memory = false;        ///< all of it, the system's cache included
  bool past_cache = false;       ///< from a disk, or another process, itself
  std::uint64_t nbytes = 0;      ///< of all that is wanted
  std::uint64_t most_ahead = 0;  ///< of a stream; 0: no limit
};

struct ReadChoice {
  unsigned threads = 1;
  std::uint64_t unit_bytes = 0;
};

/// Pure.
[[nodiscard]] ReadChoice choose_reading(const ReadFacts& facts);

/// Where the bytes of an open file are. Raises closed and released.
[[nodiscard]] ByteSource source_of(const File::Impl& file);

/// The same for what is wanted of it, `nbytes` together: past the system's cache if it is much,
/// where that is known to win, and not in the cache already.
[[nodiscard]] ByteSource source_for(const File::Impl& file, const tensor::PartCatalog& wanted,
                                    std::uint64_t nbytes);

/// The facts of a file here and now.
[[nodiscard]] ReadFacts facts_of(const ByteSource& source, std::uint64_t nbytes,
                                 const LoadOptions& options);

/// Raises memory_limit when memory for `nbytes` is more than the options, the machine or a
/// container leave.
void check_memory(std::uint64_t nbytes, const LoadOptions& options, const std::string& path);

/// Threads that do a reading's units; ends them when it goes.
class Crew {
 public:
  /// At most `threads`, fewer where the system has no more.
  Crew(Reading& reading, unsigned threads);
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew();
  /// Waits until nothing is left for them to do.
  void join() noexcept;
  [[nodiscard]] bool empty() const noexcept { return threads_.empty(); }
  /// False in a forked child, which has none of the threads: nothing may be done there with them
  /// or the reading, nor may these end.
  [[nodiscard]] bool is_here() const noexcept;

 private:
  const std::int64_t process_;
  Reading& reading_;
  std::vector<std::thread> threads_;
};

/// Does all of a reading, on this thread and on others. Raises what went wrong.
void run(Reading& reading, unsigned threads, const Progress& progress);

}  // namespace tensorhold::io
