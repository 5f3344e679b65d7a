// Which requests fail, and which are cut short. Safe to use from several threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "lockfs/server/switches.hpp"

namespace tensorhold::lockfs {

/// How much of a request is served: nothing and an errno, or `size` bytes.
struct Verdict {
  int error = 0;
  std::size_t size = 0;
};

class Faults {
 public:
  /// Whether this open, read, write or fsync is the Nth: EINTR or 0.
  [[nodiscard]] int interrupt(const Switches& switches);
  [[nodiscard]] Verdict read(const Switches& switches, std::uint64_t offset,
                             std::size_t size) const;
  /// Takes the bytes it grants out of the room that is left; give_back() those not written.
  [[nodiscard]] Verdict write(const Switches& switches, std::uint64_t offset, std::size_t size);
  void give_back(std::size_t size);
  /// Whether `size` more bytes may be reserved on the disk: 0 or ENOSPC.
  [[nodiscard]] int reserve(const Switches& switches, std::uint64_t size) const;
  /// The room of enospc-after is counted from here.
  void count_anew();

 private:
  [[nodiscard]] std::uint64_t room(const Switches& switches) const;

  std::atomic<std::uint64_t> requests_{0};
  mutable std::mutex mutex_;
  std::uint64_t written_ = 0;
};

}  // namespace tensorhold::lockfs
