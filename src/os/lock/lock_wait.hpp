// Waiting for a lock: systems can wait for ever or not at all, so a deadline needs attempts.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

namespace tensorhold::os {

class LockWait {
 public:
  using Clock = std::chrono::steady_clock;
  explicit LockWait(Clock::time_point deadline) noexcept : deadline_(deadline) {}

  /// Sleeps a little, longer each time; false, without sleeping, once the deadline has passed.
  [[nodiscard]] bool wait() {
    const Clock::time_point now = Clock::now();
    if (now >= deadline_) return false;
    std::this_thread::sleep_for(std::min<Clock::duration>(pause_, deadline_ - now));
    pause_ = std::min<Clock::duration>(pause_ * 2, longest);
    return true;
  }

 private:
  static constexpr Clock::duration longest = std::chrono::milliseconds(50);
  Clock::time_point deadline_;
  Clock::duration pause_ = std::chrono::milliseconds(1);
};

}  // namespace tensorhold::os
