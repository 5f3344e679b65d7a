// Threads that answer requests which may take their time.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tensorhold::lockfs {

class Workers {
 public:
  explicit Workers(std::size_t count);
  ~Workers() { finish(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Runs `task` on one of the threads; it must not throw.
  void give(std::function<void()> task);
  /// Returns when all that was given is done and the threads have ended.
  void finish();

 private:
  void serve();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool finishing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tensorhold::lockfs
