// What the kernel has open, by the number it was given for each. Safe to use from several threads.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace tensorhold::lockfs {

template <class Handle>
class Handles {
 public:
  std::uint64_t add(std::shared_ptr<Handle> handle) {
    const std::lock_guard lock(mutex_);
    by_number_.emplace(++last_, std::move(handle));
    return last_;
  }
  /// Null for a number that was never given, or given back.
  [[nodiscard]] std::shared_ptr<Handle> find(std::uint64_t number) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_number_.find(number);
    return found == by_number_.end() ? nullptr : found->second;
  }
  void remove(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    by_number_.erase(number);
  }

 private:
  mutable std::mutex mutex_;
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, std::shared_ptr<Handle>> by_number_;
};

}  // namespace tensorhold::lockfs
