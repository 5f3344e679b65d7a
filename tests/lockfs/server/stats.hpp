// Counts of what was asked of the filesystem, in all and by file.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace tensorhold::lockfs {

struct Counters {
  /// Handles that the kernel has not released: held by a descriptor or a mapping.
  std::atomic<std::uint64_t> held{0};
  /// Of these, those of which a descriptor was closed: a mapping, or a duplicate, keeps them.
  std::atomic<std::uint64_t> closed{0};
  std::atomic<std::uint64_t> opens{0};
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> bytes_read{0};
  std::atomic<std::uint64_t> writes{0};
  std::atomic<std::uint64_t> bytes_written{0};
};

class Stats {
 public:
  /// The counters of the file that is called `name` (from BACKING on) while it is being opened.
  std::shared_ptr<Counters> of(const std::string& name);
  /// The counters by their names, in all, and by file in "files".
  [[nodiscard]] std::string json() const;
  /// Sets all to zero but what is held.
  void reset();

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Counters>> files_;
};

}  // namespace tensorhold::lockfs
