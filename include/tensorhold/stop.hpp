// Cancelling work from another thread. The library's own, because the standard library of some
// compilers that build it has no std::stop_token.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

namespace tensorhold {
inline namespace v0 {

/// Asks whether work should stop. Cheap to copy and to ask; thread-safe. One made by default never
/// says so.
class StopToken {
 public:
  StopToken() noexcept = default;
  [[nodiscard]] bool stop_requested() const noexcept {
    return stopped_ != nullptr && stopped_->load(std::memory_order_relaxed);
  }
  /// False: no source can ever set it.
  [[nodiscard]] bool stop_possible() const noexcept { return stopped_ != nullptr; }

 private:
  friend class StopSource;
  explicit StopToken(std::shared_ptr<const std::atomic<bool>> stopped) noexcept
      : stopped_(std::move(stopped)) {}
  std::shared_ptr<const std::atomic<bool>> stopped_;
};

/// Sets the tokens that it gave, once and for good. Copies are the same source; thread-safe. Work
/// that was given such a token ends at its next look, with an error of code `cancelled`, and leaves
/// nothing half-done.
class StopSource {
 public:
  [[nodiscard]] StopToken token() const noexcept { return StopToken(stopped_); }
  void request_stop() const noexcept { stopped_->store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool stop_requested() const noexcept {
    return stopped_->load(std::memory_order_relaxed);
  }

 private:
  std::shared_ptr<std::atomic<bool>> stopped_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace v0
}  // namespace tensorhold
