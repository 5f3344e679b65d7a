// Another process that does something and keeps it up until it is told to go.
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>

namespace tensorhold::test {

/// Forks a child that calls `begin` and then waits to be ended.
class Helper {
 public:
  explicit Helper(const std::function<bool()>& begin) {
    std::array<int, 2> pipe{};
    if (::pipe(pipe.data()) != 0) return;
    child_ = ::fork();
    if (child_ == 0) {
      bool good = false;
      try {
        good = begin();
      } catch (...) {
        good = false;
      }
      const char answer = good ? '+' : '-';
      if (::write(pipe[1], &answer, 1) != 1) ::_exit(1);
      for (;;) (void)::pause();
    }
    (void)::close(pipe[1]);
    char answer = '-';
    ready_ = child_ > 0 && ::read(pipe[0], &answer, 1) == 1 && answer == '+';
    (void)::close(pipe[0]);
  }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;
  ~Helper() { end(); }

  /// True once `begin` has returned true there.
  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] pid_t pid() const { return child_; }
  /// Kills it, and waits until it is gone.
  void end() {
    if (child_ <= 0) return;
    (void)::kill(child_, SIGKILL);
    (void)::waitpid(child_, nullptr, 0);
    child_ = 0;
  }

 private:
  pid_t child_ = 0;
  bool ready_ = false;
};

}  // namespace tensorhold::test
